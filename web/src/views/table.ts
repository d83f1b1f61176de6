/**
 * The views, in the order of their tabs and number keys. A view is one folder, `<name>/<Name>.svelte` with its pure
 * `data.ts`, loaded when first opened. It receives the prop `store` and
 * fills `main`; `<div class="vbar">` with an `<h1>` comes first.
 */
import type { Component } from 'svelte';
import { once } from '../state/lazyCode';
import type { Store } from '../state/store.svelte';

export type ViewComponent = Component<{ store: Store }>;

export interface View {
  name: string;
  title: string;
  /** Its code, read once; what failed once fails again (state/code.ts). */
  load: () => Promise<{ default: ViewComponent }>;
}

const files = import.meta.glob<{ default: ViewComponent }>(
  './*/{Filters,Confusion,Clusters,Compare,Training,Image,Report}.svelte',
);

const TITLES = ['Filters', 'Confusion', 'Clusters', 'Compare', 'Training', 'Image'];

export const views: View[] = TITLES.flatMap((title) => {
  const name = title.toLowerCase();
  const load = files[`./${name}/${title}.svelte`] as View['load'] | undefined;
  return load ? [{ name, title, load: once(load) }] : [];
});

/** The page to print: no tab, opened from the export menu. */
export const report: View = {
  name: 'report',
  title: 'Report',
  load: once(files['./report/Report.svelte']),
};

export const viewNamed = (name: string): View => [...views, report].find((v) => v.name === name) ?? views[0];
