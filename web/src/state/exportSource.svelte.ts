/**
 * What a view exports: the requests behind it, and its numbers as tables. Call `provideExport` while a component is
 * being set up; the data is computed only when it is shown (the export menu, the data table):
 *
 *   provideExport(store, () => ({ requests: [address], tables: [{ name: 'Recall', head: ['class', 'recall'], rows }] }));
 *
 * Pictures need no export source: every element with `data-picture="name"` can be saved.
 */
import type { ExportData } from './exportData';
import type { Store } from './store.svelte';

export function provideExport(store: Store, source: () => ExportData): void {
  $effect(() => {
    store.exportSource = source;
    return () => {
      if (store.exportSource === source) store.exportSource = null;
    };
  });
}
