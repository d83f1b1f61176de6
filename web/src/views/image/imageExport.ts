/** What the view of an image exports: the requests behind it, and its numbers as tables. */
import { endpoint } from '../../api/client';
import type { ImageExampleStats } from '../../api/types';
import type { ExportData } from '../../state/exportData';
import { isOwnImage } from '../../state/imageId';
import type { Store } from '../../state/store.svelte';
import { nearestOutputs } from './imageContext.svelte';
import { nearestTables, type SimilarImages } from './similarImages';
import { imageTables } from './tables';

/** What the page on the screen exports, where it is another than the first. */
export const pageExport: { source: (() => ExportData) | null } = { source: null };

interface Shown {
  rows: number[][];
  checkpoints: number[];
  diverged: number[];
  names: string[];
  exampleStats: ImageExampleStats | null;
  similar: SimilarImages | null;
  /** What a token attends to; absent while that panel is not on the page. */
  attention: ExportData | undefined;
}

export function imageExport(store: Store, { similar, attention, ...shown }: Shown): ExportData {
  if (pageExport.source) return pageExport.source();
  const { image } = store;
  const run = store.run?.id ?? '';
  const isOfCorpus = image !== null && !isOwnImage(image);
  return {
    requests: isOfCorpus
      ? [
          endpoint('/api/runs/{run}/images/{image}/history', { run, image }).url,
          endpoint('/api/runs/{run}/images/{image}/ledger', { run, image }).url,
          ...(similar?.kind === 'outputs' ? [nearestOutputs(run, similar.checkpoint, similar.image).url] : []),
          endpoint('/api/corpora/{corpus}/images/{image}', { corpus: store.run?.corpus.id ?? '', image }).url,
          ...(attention?.requests ?? []),
        ]
      : [],
    tables: [...imageTables(shown), ...nearestTables(similar, shown.names), ...(attention?.tables ?? [])],
  };
}
