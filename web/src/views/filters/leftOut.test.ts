import { describe, expect, it } from 'vitest';
import type { CorpusAccount } from '../../api/types';
import { headline, inOrder, skippedImages, sharedDetail, unnamed } from './leftOut';

const left = (reason: string, count: number, isLoss: boolean) => ({
  reason,
  text: reason,
  count,
  is_loss: isLoss,
  first: [{ path: `train/${reason}`, detail: '' }],
});
const account = (...left_out: ReturnType<typeof left>[]): CorpusAccount => ({ left_out, remarks: [] });

describe('the account of a corpus', () => {
  it('counts what is a loss, and not hidden files', () => {
    const some = account(left('system', 4, false), left('damaged', 11, true), left('unlabelled', 1200, true));
    expect(skippedImages(some)).toBe(1211);
    expect(headline(some)).toMatch(/^1.211 files left out$/);
    expect(headline(account(left('damaged', 1, true)))).toBe('1 file left out');
    expect(inOrder(some).map((l) => l.reason)).toEqual(['unlabelled', 'damaged', 'system']);
    expect(unnamed(some.left_out[1])).toBe(10);
  });
  it('reports a common problem once', () => {
    const files = (...details: string[]) => ({
      ...left('damaged', 2, true),
      first: details.map((detail) => ({ path: 'a', detail })),
    });
    expect(sharedDetail(files('cut short', 'cut short'))).toBe('cut short');
    expect(sharedDetail(files('cut short', 'broken'))).toBe('');
    expect(sharedDetail(files())).toBe('');
  });
  it('is silent without problems, and reports remarks', () => {
    expect(headline(account())).toBe('');
    expect(headline(account(left('system', 4, false)))).toBe('');
    expect(headline({ left_out: [], remarks: ['val/ is the test split'] })).toBe('how the corpus was read');
  });
});
