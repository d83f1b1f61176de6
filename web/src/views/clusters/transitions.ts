// Animated transitions of images to their new slots after a single step: one canvas above the list, for 220 ms.
import { context2d } from '../../base/dom';
import { touch } from '../../base/idle';
import type { Tiles } from '../../state/tiles.svelte';
import type { ClusterSet } from '../../api/types';
import { css } from '../../base/palette';
import type { Store } from '../../state/store.svelte';
import { isAnimated, movedImages, type ImageSlot } from './data';
import { NEAREST } from './clusterSets.svelte';

export interface ImageTransition {
  id: number;
  from: ImageSlot;
  to: ImageSlot;
}

export interface AnimationCanvas {
  canvas: HTMLCanvasElement;
  width: number;
  height: number;
  /** Side of an image in pixels. */
  image: number;
  /** Background that hides an image at its destination until the transition ends. */
  background: string;
  /** Pixel position of a slot on the canvas. */
  position: (card: ImageSlot) => { x: number; y: number } | null;
}

const DURATION_MS = 220;
/** The curve of `--ease`: ease out. */
const eased = (t: number) => 1 - (1 - t) ** 3;

/** Starts the transitions; the returned function ends them at once. */
export function animate(
  target: AnimationCanvas,
  transitions: readonly ImageTransition[],
  tiles: Tiles,
): () => void {
  const { canvas, width, height, image } = target;
  const moves = transitions.flatMap(({ id, from, to }) => {
    const [a, b] = [target.position(from), target.position(to)];
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
    context.fillStyle = target.background;
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

export interface TransitionView {
  /** Run, layer, metric and split: must be equal for two sets to be comparable. */
  key: string;
  canvas: HTMLCanvasElement;
  list: HTMLElement;
  /** Side of an image in pixels. */
  image: number;
}

/** Remembers the clusters shown last, and animates a single step made by the user. */
export class Transitions {
  #last: { set: ClusterSet; key: string; time: number } | null = null;

  /** Called when a set of clusters is shown; the returned function ends the animation. */
  show(set: ClusterSet, view: TransitionView, store: Store): () => void {
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
    if (!isAnimated(step)) return () => undefined;
    const { canvas, list, image } = view;
    const box = list.getBoundingClientRect();
    const target = {
      canvas,
      width: box.width,
      height: box.height,
      image,
      background: css('--well'),
      position: slotPosition(list, image),
    };
    return animate(target, movedImages(from.set.clusters, set.clusters, NEAREST), store.tiles);
  }
}

/** Pixel position of a slot within the list, at its present scroll offset. */
function slotPosition(list: HTMLElement, image: number): AnimationCanvas['position'] {
  const box = list.getBoundingClientRect();
  const corners = new Map<number, { x: number; y: number } | null>();
  const corner = (cluster: number) => {
    if (!corners.has(cluster)) {
      const card = list.querySelector(`[data-cluster="${cluster}"] .thumbs`)?.getBoundingClientRect();
      corners.set(cluster, card ? { x: card.left - box.left, y: card.top - box.top } : null);
    }
    return corners.get(cluster) ?? null;
  };
  const half = NEAREST / 2;
  return ({ cluster, slot }) => {
    const at = corner(cluster);
    return at && { x: at.x + (slot % half) * (image + 2), y: at.y + Math.floor(slot / half) * (image + 5) };
  };
}
