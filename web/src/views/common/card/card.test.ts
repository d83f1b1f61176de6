import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Card } from './card.svelte';

const box = { left: 0, top: 0, right: 10, bottom: 10 };
const unit = (filter: number) => ({ layer: 'conv1', filter });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('it opens when the pointer has rested, and at once while it is open', () => {
  const card = new Card();
  card.rest(unit(1), box);
  vi.advanceTimersByTime(100);
  card.rest(unit(1), box);
  vi.advanceTimersByTime(49);
  expect(card.shown).toBeNull();
  vi.advanceTimersByTime(1);
  expect(card.shown?.unit).toEqual(unit(1));
  card.leave();
  card.rest(unit(2), box, '0.5');
  expect(card.shown).toMatchObject({ unit: unit(2), kept: false, value: '0.5' });
  card.leave();
  vi.advanceTimersByTime(1000);
  expect(card.shown).toBeNull();
});

test('a pointer that only passes opens nothing', () => {
  const card = new Card();
  card.rest(unit(1), box);
  vi.advanceTimersByTime(149);
  card.rest(unit(2), box);
  vi.advanceTimersByTime(149);
  card.leave();
  vi.advanceTimersByTime(1000);
  expect(card.shown).toBeNull();
});

test('a kept card stays, goes to another unit and back', () => {
  const card = new Card();
  card.keep(unit(1), box);
  card.rest(unit(2), box);
  card.leave();
  vi.advanceTimersByTime(1000);
  expect(card.shown).toMatchObject({ unit: unit(1), kept: true });
  card.walk({ layer: 'data', filter: 0 });
  card.walk(unit(5));
  expect(card.shown?.path).toEqual([unit(1), { layer: 'data', filter: 0 }]);
  card.back(0);
  expect(card.shown).toMatchObject({ unit: unit(1), path: [], kept: true });
  card.close();
  expect(card.shown).toBeNull();
});
