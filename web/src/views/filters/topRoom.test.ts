import { expect, it } from 'vitest';
import { topRoom, topRows, topWidth } from './topRoom';

const runOf = (width: number, height = width, available = true) => ({
  corpus: { available },
  layers: [{ shape: { channels: 3, width, height } }],
});
const image = runOf(32);

it('the picture is beside the top images where it fits, at a whole scale', () => {
  const wide = topRoom({ width: 1392, height: 236, isNarrow: false }, image);
  expect(wide).toEqual({ columns: 3, made: 'beside', madeSide: 128, width: topWidth(3) + 148 });
  expect(topRoom({ width: 964, height: 236, isNarrow: false }, image)).toMatchObject({
    columns: 2,
    madeSide: 96,
  });
  expect(topRoom({ width: 358, height: 236, isNarrow: true }, image)?.made).toBe('beside');
  // Larger images are made smaller.
  expect(topRoom({ width: 964, height: 236, isNarrow: false }, runOf(224, 160))?.madeSide).toBe(96);
});

it('below them it takes places of top images once it is requested, but never all', () => {
  const room = topRoom({ width: 424, height: 236, isNarrow: false }, image)!;
  expect(topRoom({ width: 424, height: 236, isNarrow: false }, runOf(32, 32, false))).toBeNull();
  expect(room.made).toBe('under');
  expect(topRows(236, room, false)).toBe(3);
  expect(topRows(236, room, true)).toBe(1);
  // In a low window it is smaller: at a whole scale again.
  const low = topRoom({ width: 424, height: 212, isNarrow: false }, image)!;
  expect([low.madeSide, topRows(212, low, true)]).toEqual([64, 1]);
  expect(topRoom({ width: 424, height: 120, isNarrow: false }, image)?.madeSide).toBe(32);
  expect(topRows(360, room, true)).toBe(3);
});
