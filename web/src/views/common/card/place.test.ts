import { expect, test } from 'vitest';
import { CARD_WIDTH, GAP, placeBeside, placeCard } from './place';

const window = { width: 1440, height: 900 };
const at = (left: number, top: number, side = 64) => ({ left, top, right: left + side, bottom: top + side });

test('it stands to the right of its filter, to the left where there is no room', () => {
  expect(placeCard(at(300, 200), { height: 390 }, window)).toEqual({ left: 376, top: 176 });
  expect(placeCard(at(1200, 200), { height: 390 }, window)).toEqual({ left: 1200 - 12 - CARD_WIDTH, top: 176 });
});

test('it stays inside the window', () => {
  expect(placeCard(at(300, 850), { height: 390 }, window).top).toBe(900 - 390 - 8);
  expect(placeCard(at(300, 2), { height: 390 }, window).top).toBe(8);
  const wide = placeCard({ left: 100, top: 100, right: 1400, bottom: 120 }, { height: 390 }, window);
  expect(wide.left).toBe(1440 - CARD_WIDTH - 8);
});

test('a card of another size is placed at the anchor, inside the window', () => {
  const small = { width: 1000, height: 600 };
  const below = (left: number, top: number) => {
    const cell = { left, top, right: left + 20, bottom: top + 9 };
    return placeBeside(cell, { width: 300, height: 200 }, cell.bottom + GAP, small);
  };
  expect(below(100, 100)).toEqual({ left: 132, top: 121 });
  expect(below(900, 500)).toEqual({ left: 588, top: 392 });
});
