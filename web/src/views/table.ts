/**
 * The views, in the order of their tabs and number keys, which begin at 0. A view is one folder, `<name>/<Name>.svelte` with its pure
 * `data.ts`, loaded when first opened. It receives the prop `store` and
 * fills `main`; `<div class="vbar">` with an `<h1>` comes first.
 */
import type { Component } from 'svelte';
import { once } from '../state/lazyCode';
import type { Store } from '../state/store.svelte';
import { readReview, readTwoRuns } from './confusion/parts';
import {
  readConnections,
  readEffectByClass,
  readMatched,
  readPresented,
  readUnreadable,
  readWouldLike,
} from './filters/parts';
import { readTwoStory } from './story/parts';

export type ViewComponent = Component<{ store: Store }>;

export interface View {
  name: string;
  title: string;
  /** Loads its code, once; a failed load fails again (state/lazyCode.ts). */
  load: () => Promise<{ default: ViewComponent }>;
}

const view = (title: string, load: View['load']): View => ({
  name: title.toLowerCase(),
  title,
  load: once(load),
});

export const views: View[] = [
  view('Story', () => import('./story/Story.svelte')),
  view('Filters', () => import('./filters/Filters.svelte')),
  view('Confusion', () => import('./confusion/Confusion.svelte')),
  view('Clusters', () => import('./clusters/Clusters.svelte')),
  view('Compare', () => import('./compare/Compare.svelte')),
  view('Training', () => import('./training/Training.svelte')),
  view('Image', () => import('./image/Image.svelte')),
];

/** The page to print: no tab, opened from the export menu. */
export const report: View = view('Report', () => import('./report/Report.svelte'));

/** The runs of a folder: no tab, opened from the chooser of the run. */
export const runsPage: View = view('Runs', () => import('./runs/Runs.svelte'));

/** Parts of views whose code is read when they are first shown. */
export const parts = [
  readMatched,
  readConnections,
  readPresented,
  readEffectByClass,
  readUnreadable,
  readWouldLike,
  readReview,
  readTwoRuns,
  readTwoStory,
];

/** The second, where the address names no view that there is. */
export const viewNamed = (name: string): View =>
  [...views, report, runsPage].find((v) => v.name === name) ?? views[1];
