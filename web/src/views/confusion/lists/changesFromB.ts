// Images that two runs predict differently, as changes from what B predicts to what A predicts. Pure but for the request.
import { endpoint } from '../../../api/client';
import type { ComparedImage, PredictionChange, PredictionChanges, Split } from '../../../api/types';
import type { TwoCheckpoints } from '../../../state/pairing';

/** The most that one answer holds. */
const PAGE = 10_000;

/** The request for the images, for a page of them. */
export const differingEndpoint = (at: TwoCheckpoints, split: Split, cursor: string | null = null) =>
  endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/images', {
    ...at,
    split,
    which: 'changed',
    limit: PAGE,
    cursor,
  });

/** The largest change first, of each the images whose margins differ most. */
export function changesOf(
  items: readonly ComparedImage[],
  about: Pick<PredictionChanges, 'from' | 'to' | 'split' | 'images'>,
  max: number,
): PredictionChanges {
  const found = new Map<string, PredictionChange>();
  let [learned, forgotten] = [0, 0];
  for (const { id, true_class, a, b } of items) {
    const [from, to] = [b.predicted, a.predicted];
    if (to === true_class) learned += 1;
    else if (from === true_class) forgotten += 1;
    const key = `${true_class}-${from}-${to}`;
    const move = found.get(key) ?? { true_class, from, to, count: 0, images: [] };
    found.set(key, move);
    move.count += 1;
    if (move.images.length < max) move.images.push(id);
  }
  const moves = [...found.values()].sort(
    (x, y) => y.count - x.count || x.true_class - y.true_class || x.from - y.from || x.to - y.to,
  );
  return { ...about, learned, forgotten, moves };
}

export async function readChangesFromB(
  at: TwoCheckpoints,
  split: Split,
  max: number,
  signal: AbortSignal,
): Promise<PredictionChanges> {
  const items: ComparedImage[] = [];
  let cursor: string | null = null;
  do {
    const page = await differingEndpoint(at, split, cursor).json(signal);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  const about = { from: at.b_checkpoint, to: at.checkpoint, split, images: items.length };
  return changesOf(items, about, max);
}
