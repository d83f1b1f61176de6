/** Resolves a URL state against a run, which supplies the defaults; and the reverse. Pure. */
import type { Run } from '../api/types';
import { initialReference, nearestReadable } from './checkpoints';
import { isOwnImage } from './imageId';
import type { UrlState } from './urlState';

export interface ResolvedState {
  follow: boolean;
  view: string;
  checkpoint: number;
  before: number;
  layer: string;
  filter: number | null;
  channel: number | null;
  image: number | null;
}

/** A finished run opens with its story, which needs statistics; a run that grows or stopped with its filters. */
export function tellsStory(run: Pick<Run, 'live' | 'checkpoints' | 'total_steps' | 'divergence'>): boolean {
  const last = run.checkpoints.at(-1);
  const isFinished = !run.live && !run.divergence && last !== undefined && last.step >= run.total_steps;
  return isFinished && Object.values(last.statistics).includes('ready');
}

export function resolveUrlState(
  state: UrlState,
  run: Pick<Run, 'live' | 'checkpoints' | 'layers' | 'total_steps' | 'divergence'> & {
    corpus: Pick<Run['corpus'], 'images' | 'train'>;
  },
  /** The number of runs that the server has. */
  runs = 1,
): ResolvedState {
  const points = run.checkpoints;
  const follow =
    state.checkpoint === 'last' || (state.checkpoint === null && (run.live || points.length === 0));
  const named = run.layers.find((l) => l.name === state.layer);
  const layer = named ?? run.layers.find((l) => l.weight_shape) ?? run.layers[0];
  const { images, train } = run.corpus;
  return {
    follow,
    view: state.view ?? (state.run === null && runs > 1 ? 'runs' : tellsStory(run) ? 'story' : 'filters'),
    checkpoint:
      follow || state.checkpoint === null
        ? nearestReadable(points, points.length - 1)
        : Math.min(points.length - 1, Number(state.checkpoint)),
    before: Math.min(state.before ?? initialReference(points), Math.max(0, points.length - 1)),
    layer: layer?.name ?? '',
    filter:
      state.filter === 'none'
        ? null
        : state.filter !== null && state.filter < (layer?.filters ?? 0)
          ? state.filter
          : 0,
    channel: state.channel,
    image:
      state.image !== null && (state.image < images || isOwnImage(state.image))
        ? state.image
        : images > 0
          ? Math.min(images - 1, train)
          : null,
  };
}

/** The URL state of what is shown. */
export function urlStateOf(
  shown: ResolvedState & { held: number | null; options: Record<string, string> },
  run: string | null,
): UrlState {
  return {
    run,
    view: shown.view,
    checkpoint: shown.follow ? 'last' : (shown.held ?? shown.checkpoint),
    before: shown.before,
    layer: shown.layer || null,
    filter: shown.filter === null ? 'none' : shown.filter,
    channel: shown.channel,
    image: shown.image,
    options: shown.options,
  };
}

/** Numbers of clusters, checkpoints and units mean nothing in another run. */
const OF_ONE_RUN = new Set(['clusters.open', 'bank.at', 'bank.since', 'bank.from', 'training.unit', 'off']);

/** The URL state for another run: the view, its options and a picture of one's own stay, what belongs to the run alone goes. */
export function urlStateForRun(state: UrlState, run: string): UrlState {
  const options = Object.entries(state.options).filter(([name]) => !OF_ONE_RUN.has(name));
  return {
    ...state,
    run,
    checkpoint: state.checkpoint === 'last' ? 'last' : null,
    before: null,
    image: isOwnImage(state.image) ? state.image : null,
    options: Object.fromEntries(options),
  };
}
