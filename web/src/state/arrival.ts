/** From a place to what is looked at, where what the address does not say is filled in from the run; and back. Pure. */
import type { Run } from '../api/types';
import { firstEpoch, restingPlace } from './checkpoints';
import type { Place } from './place';

export interface Arrival {
  follow: boolean;
  view: string;
  checkpoint: number;
  before: number;
  layer: string;
  filter: number | null;
  channel: number | null;
  image: number | null;
}

export function arrival(
  place: Place,
  run: Pick<Run, 'live' | 'checkpoints' | 'layers'> & { corpus: Pick<Run['corpus'], 'images' | 'train'> },
): Arrival {
  const points = run.checkpoints;
  const follow =
    place.checkpoint === 'last' || (place.checkpoint === null && (run.live || points.length === 0));
  const named = run.layers.find((l) => l.name === place.layer);
  const layer = named ?? run.layers.find((l) => l.weight_shape) ?? run.layers[0];
  const { images, train } = run.corpus;
  return {
    follow,
    view: place.view ?? 'filters',
    checkpoint:
      follow || place.checkpoint === null
        ? restingPlace(points, points.length - 1)
        : Math.min(points.length - 1, Number(place.checkpoint)),
    before: Math.min(place.before ?? firstEpoch(points), Math.max(0, points.length - 1)),
    layer: layer?.name ?? '',
    filter:
      place.filter === 'none'
        ? null
        : place.filter !== null && place.filter < (layer?.filters ?? 0)
          ? place.filter
          : 0,
    channel: place.channel,
    image:
      place.image !== null && place.image < images
        ? place.image
        : images > 0
          ? Math.min(images - 1, train)
          : null,
  };
}

/** The way back: the place of what is being looked at. */
export function placeOf(
  here: Arrival & { held: number | null; options: Record<string, string> },
  run: string | null,
): Place {
  return {
    run,
    view: here.view,
    checkpoint: here.follow ? 'last' : (here.held ?? here.checkpoint),
    before: here.before,
    layer: here.layer || null,
    filter: here.filter === null ? 'none' : here.filter,
    channel: here.channel,
    image: here.image,
    options: here.options,
  };
}
