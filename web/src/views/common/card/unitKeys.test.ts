// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest';
import { movePin, unitKey } from './unitKeys';

it('moves within the grid', () => {
  const cells = { columns: 8, tiles: 32 };
  expect(movePin(cells, 0, 'ArrowLeft')).toBe(0);
  expect(movePin(cells, 0, 'ArrowDown')).toBe(8);
  expect(movePin(cells, 31, 'Home')).toBe(0);
  expect(movePin(cells, 31, 'a')).toBeNull();
});

it('arrows move the pin, Enter keeps its card, other keys are left alone', () => {
  const [move, keep] = [vi.fn(), vi.fn()];
  const press = (at: number, init: KeyboardEventInit) => {
    const event = new KeyboardEvent('keydown', { cancelable: true, ...init });
    return [unitKey(event, { columns: 4, tiles: 8, at }, { move, keep }), event.defaultPrevented];
  };
  expect(press(2, { key: 'ArrowDown' })).toEqual([true, true]);
  expect(move).toHaveBeenLastCalledWith(6);
  // Without a pin the first tile is pinned.
  press(-1, { key: 'ArrowRight' });
  expect(move).toHaveBeenLastCalledWith(0);
  press(5, { key: 'Enter' });
  expect(keep).toHaveBeenLastCalledWith(5);
  expect(press(-1, { key: 'Enter' })).toEqual([false, false]);
  // Shift and an arrow moves the playhead by an epoch.
  expect(press(2, { key: 'ArrowRight', shiftKey: true })).toEqual([false, false]);
  expect(press(2, { key: 'b' })).toEqual([false, false]);
});
