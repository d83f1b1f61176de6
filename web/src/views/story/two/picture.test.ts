import { expect, it } from 'vitest';
import { withBInFront } from './picture';

it('B is drawn in front while the key that shows it is held', () => {
  const value = (of: 'a' | 'b' | 'both') => ({ of, value: 1, text: of });
  const bars = withBInFront({
    kind: 'bars',
    rows: [
      { label: 'x', values: [value('a'), value('b')] },
      { label: 'y', values: [value('both'), value('a'), value('b')] },
      { label: 'z', values: [value('b')] },
    ],
    max: 1,
  });
  expect(bars.kind === 'bars' && bars.rows.map((row) => row.values.map(({ of }) => of))).toEqual([
    ['b', 'a'],
    ['both', 'b', 'a'],
    ['b'],
  ]);
  const lines = (['b', 'a'] as const).map((of) => ({ of, points: [{ x: 0, y: 1 }] }));
  const curves = withBInFront({ kind: 'curves', unit: 'epoch', lines, target: 0.5, marks: [] });
  expect(curves.kind === 'curves' && curves.lines.map(({ of }) => of)).toEqual(['a', 'b']);
});
