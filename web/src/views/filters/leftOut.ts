/** What a corpus left out, in words. */
import type { CorpusAccount, LeftOut } from '../../api/types';
import { count } from '../../base/format';

/** How many files that are or may be images were left out. */
export const lost = (account: CorpusAccount): number =>
  account.left_out.reduce((sum, left) => sum + (left.is_loss ? left.count : 0), 0);

/** The line that opens the account; empty where there is nothing to say. */
export function headline(account: CorpusAccount): string {
  const files = lost(account);
  if (files) return `${count(files)} ${files === 1 ? 'file' : 'files'} left out`;
  return account.remarks.length ? 'how the corpus was read' : '';
}

/** How many of a reason are not named. */
export const unnamed = (left: LeftOut): number => Math.max(0, left.count - left.first.length);

/** Losses first, then notes and things of the system; within each the most frequent first. */
export const inOrder = (account: CorpusAccount): LeftOut[] =>
  [...account.left_out].sort((a, b) => Number(b.is_loss) - Number(a.is_loss) || b.count - a.count);

/** What is wrong with all files of a reason that are named, where it is one thing. */
export function sharedDetail(left: LeftOut): string {
  const detail = left.first[0]?.detail ?? '';
  return left.first.every((file) => file.detail === detail) ? detail : '';
}
