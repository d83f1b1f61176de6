/** Splits without images: no statistics can be computed of one, so that no command helps. */
import type { Run, Split } from '../../api/types';

type Corpus = Pick<Run['corpus'], 'images' | 'train' | 'test'>;

/** True where the corpus is known and has no image in this split. */
export const isEmptySplit = (corpus: Corpus | undefined, split: Split): boolean =>
  corpus !== undefined && corpus.images > 0 && corpus[split] === 0;

/** Message in place of statistics of a split that has no images. */
export const noSplit = (split: Split): string =>
  split === 'test' ? 'this corpus has no test split' : 'this corpus has no training split';
