// Images travelling to their new places after a single step: drawn on one canvas above the list, 220 ms, then gone.
import { context2d } from '../../base/dom';
import { touch } from '../../base/idle';
import type { Tiles } from '../../state/tiles.svelte';
import type { ClusterSet } from '../../api/types';
import { css } from '../../base/palette';
import type { Store } from '../../state/store.svelte';
import { mayTravel, travels, type Seat } from './data';
import { NEAREST } from './live.svelte';

export interface Journey {
  id: number;
  from: Seat;
  to: Seat;
}

export interface Stage {
  canvas: HTMLCanvasElement;
  width: number;
  height: number;
  image: number;
  /** The ground that hides an image at its destination until it has arrived. */
  ground: string;
  /** Where a place in a seat lies on the stage. */
  place: (seat: Seat) => { x: number; y: number } | null;
}

const DURATION_MS = 220;
/** The curve of `--ease`: quick away, calm to rest. */
const eased = (t: number) => 1 - (1 - t) ** 3;

/** Begins the journeys; the returned function ends them at once. */
export function travel(stage: Stage, journeys: readonly Journey[], tiles: Tiles): () => void {
  const { canvas, width, height, image } = stage;
  const moves = journeys.flatMap(({ id, from, to }) => {
    const [a, b] = [stage.place(from), stage.place(to)];
    if (!a || !b) return [];
    const outside = (p: { y: number }) => p.y < -image || p.y > height;
    return outside(a) && outside(b) ? [] : [{ id, a, b }];
  });
  if (!moves.length) return () => undefined;
  canvas.style.display = 'block';
  let frame = 0;
  let begun: number | null = null;
  const stop = () => {
    cancelAnimationFrame(frame);
    canvas.style.display = 'none';
    touch();
  };
  const draw = (time: number) => {
    begun ??= time;
    const t = Math.min(1, (time - begun) / DURATION_MS);
    const context = context2d(canvas, width, height);
    if (!context || t >= 1) return stop();
    const done = eased(t);
    context.clearRect(0, 0, width, height);
    context.fillStyle = stage.ground;
    for (const { b } of moves) context.fillRect(b.x, b.y, image, image);
    for (const { id, a, b } of moves) {
      tiles.draw(
        context,
        id,
        Math.round(a.x + (b.x - a.x) * done),
        Math.round(a.y + (b.y - a.y) * done),
        image,
        image,
      );
    }
    frame = requestAnimationFrame(draw);
  };
  draw(performance.now());
  return stop;
}

export interface View {
  /** What must be the same for two sets to be comparable. */
  key: string;
  canvas: HTMLCanvasElement;
  list: HTMLElement;
  image: number;
}

/** Remembers which clusters were on the screen last, and shows a single step by hand as movement. */
export class Travels {
  #last: { set: ClusterSet; key: string; time: number } | null = null;

  /** Called when a set of clusters has come on the screen; the answer ends what is still moving. */
  arrive(set: ClusterSet, view: View, store: Store): () => void {
    const time = performance.now();
    const from = this.#last;
    if (from?.set === set) return () => undefined;
    this.#last = { set, key: view.key, time };
    if (!from || from.key !== view.key) return () => undefined;
    const step = {
      from: from.set.checkpoint,
      to: set.checkpoint,
      playing: store.player.playing,
      reduced_motion: matchMedia('(prefers-reduced-motion: reduce)').matches,
      since_last_ms: time - from.time,
    };
    if (!mayTravel(step)) return () => undefined;
    const { canvas, list, image } = view;
    const box = list.getBoundingClientRect();
    const stage = {
      canvas,
      width: box.width,
      height: box.height,
      image,
      ground: css('--well'),
      place: placeIn(list, image),
    };
    return travel(stage, travels(from.set.clusters, set.clusters, NEAREST), store.tiles);
  }
}

/** Where a place in a seat lies within the list, as it is scrolled now. */
function placeIn(list: HTMLElement, image: number): Stage['place'] {
  const box = list.getBoundingClientRect();
  const corners = new Map<number, { x: number; y: number } | null>();
  const corner = (cluster: number) => {
    if (!corners.has(cluster)) {
      const seat = list.querySelector(`[data-cluster="${cluster}"] .thumbs`)?.getBoundingClientRect();
      corners.set(cluster, seat ? { x: seat.left - box.left, y: seat.top - box.top } : null);
    }
    return corners.get(cluster) ?? null;
  };
  const half = NEAREST / 2;
  return ({ cluster, slot }) => {
    const at = corner(cluster);
    return at && { x: at.x + (slot % half) * (image + 2), y: at.y + Math.floor(slot / half) * (image + 5) };
  };
}
