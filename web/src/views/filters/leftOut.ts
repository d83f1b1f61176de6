/** Messages about files that a corpus left out. */
import type { CorpusAccount, LeftOut } from '../../api/types';
import { formatCount } from '../../base/format';

/** Number of files left out that are or may be images. */
export const skippedImages = (account: CorpusAccount): number =>
  account.left_out.reduce((sum, left) => sum + (left.is_loss ? left.count : 0), 0);

/** The line that opens the list of what was left out (the account); empty where there is nothing to say. */
export function headline(account: CorpusAccount): string {
  const files = skippedImages(account);
  if (files) return `${formatCount(files)} ${files === 1 ? 'file' : 'files'} left out`;
  return account.remarks.length ? 'how the corpus was read' : '';
}

/** Number of files of a reason that are not named. */
export const unnamed = (left: LeftOut): number => Math.max(0, left.count - left.first.length);

/** Losses first, then files that are no images (notes, files of the system); within each the most frequent first. */
export const inOrder = (account: CorpusAccount): LeftOut[] =>
  [...account.left_out].sort((a, b) => Number(b.is_loss) - Number(a.is_loss) || b.count - a.count);

/** The common detail of all named files of a reason; empty where they differ. */
export function sharedDetail(left: LeftOut): string {
  const detail = left.first[0]?.detail ?? '';
  return left.first.every((file) => file.detail === detail) ? detail : '';
}
