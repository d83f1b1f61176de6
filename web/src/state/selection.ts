/** Changes of what is shown, as patches that the store assigns to itself. Pure. */
import type { Layer } from '../api/types';

export interface Selection {
  view: string;
  layer: string;
  filter: number | null;
  channel: number | null;
  image: number | null;
  /** The reference checkpoint. */
  before: number;
}

/** A user's choice: any part of the selection. */
export type Choice = Partial<Omit<Selection, 'image'>> & { image?: number };

/** Another layer keeps the pinned filter if it has one of that number, and never the channel. */
export function choicePatch(
  now: Selection,
  choice: Choice,
  layers: readonly Pick<Layer, 'name' | 'filters'>[],
): Partial<Selection> {
  const patch: Partial<Selection> = {};
  if (choice.layer !== undefined && choice.layer !== now.layer) {
    const filters = layers.find((layer) => layer.name === choice.layer)?.filters ?? 0;
    patch.filter = now.filter !== null && now.filter >= filters ? 0 : now.filter;
    patch.channel = null;
  }
  const named = Object.entries(choice).filter(([, value]) => value !== undefined);
  return { ...patch, ...Object.fromEntries(named) };
}

/** Options that belong to one layer: the page of its filters and channels, by the layer that is shown. */
const OF_A_LAYER = ['bank.from', 'bank.channels'];

/** The options when another layer is chosen: its pages begin where its pinned filter is. */
export function optionsForLayer(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OF_A_LAYER.includes(name)));
}

export interface Playhead {
  checkpoint: number;
  before: number;
  /** While a key is held, every view shows the reference; this is where the playhead returns to. */
  held: number | null;
  /** The direction of the last move: neighbours are prefetched that way. */
  direction: 1 | -1;
}

/** The playhead at the checkpoint nearest to a position, from 0 to `last`. */
export function movePatch(now: Playhead, position: number, last: number): Partial<Playhead> {
  const checkpoint = Math.min(last, Math.max(0, Math.round(position)));
  const direction = checkpoint === now.checkpoint ? now.direction : checkpoint > now.checkpoint ? 1 : -1;
  return { held: null, direction, checkpoint };
}

/** The playhead at the reference while a key is held, and back; null where nothing changes. */
export function peekPatch(now: Playhead, on: boolean, reference = now.before): Partial<Playhead> | null {
  if (on === (now.held !== null)) return null;
  if (on) return { held: now.checkpoint, checkpoint: reference };
  return { held: null, checkpoint: now.held ?? now.checkpoint };
}

/** The options with one changed; a value equal to its default is left out. */
export function optionPatch(
  options: Readonly<Record<string, string>>,
  name: string,
  value: string,
  fallback?: string,
): Record<string, string> {
  const patch = { ...options, [name]: value };
  if (value === fallback) delete patch[name];
  return patch;
}
