import { describe, expect, it } from 'vitest';
import type { Health } from '../../../api/types';
import {
  columnOf,
  columnsIn,
  darkness,
  lifeOf,
  layerWithMostDead,
  moved,
  once,
  openAt,
  orderOf,
  rowAt,
  rowScale,
  rowTops,
  shareWords,
  spellsOf,
  spellsOfAll,
  spellWords,
  troubles,
  turnAt,
  wasTroubled,
  worstOf,
} from './life';

const LETTERS: Record<string, Health> = { a: 'alive', r: 'at_risk', d: 'dead', v: 'revived' };
/** A layer from its units in letters, a column each. */
function lives(layer: string, ...units: string[]) {
  const checkpoints = [...units[0]].map((_, c) => c * 2);
  const health = checkpoints.map((_, c) => units.map((unit) => LETTERS[unit[c]]));
  const zeros = health.map((states) => states.map((state) => (state === 'dead' ? 1 : 0.75)));
  return lifeOf(layer, true, { checkpoints, health, zeros, active: zeros.map((z) => z.map((s) => 1 - s)) });
}

describe('rows', () => {
  const life = lives('fc', 'aaaa', 'raaa', 'dvaa', 'adda', 'aadd', 'rraa');
  const of = troubles(life);

  it('are sorted by dead checkpoints, last death, checkpoints at risk', () => {
    expect(orderOf(of, 'trouble')).toEqual([4, 3, 2, 5, 1, 0]);
    expect(orderOf(of, 'number')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(of[4]).toEqual({ dead: 2, lastDeath: 3, atRisk: 0, revived: 0 });
    expect(of.map(wasTroubled)).toEqual([false, true, true, true, true, true]);
  });
  it('are tall for units that had trouble, threads for the others', () => {
    const tops = rowTops([1, 0, 2], of);
    expect(tops).toEqual([0, 9, 11, 20]);
    expect([-1, 0, 8, 9, 10, 11, 19, 20].map((y) => rowAt(tops, y))).toEqual([-1, 0, 0, 1, 1, 2, 2, -1]);
  });
});

describe('columns', () => {
  it('have whole widths, and are shared where there is no room', () => {
    expect(columnsIn(900, 41)).toEqual({ count: 41, each: 1, width: 21 });
    expect(columnsIn(900, 3)).toEqual({ count: 3, each: 1, width: 40 });
    expect(columnsIn(100, 120)).toEqual({ count: 40, each: 3, width: 2 });
  });
  it('show the worst of their checkpoints', () => {
    const life = lives('fc', 'aradva');
    expect(worstOf(life, 0, 0, 1)).toBe(0);
    expect(worstOf(life, 0, 0, 3)).toBe(1);
    expect(worstOf(life, 0, 1, 3)).toBe(3);
  });
  it('lie between two where a checkpoint has no statistics', () => {
    expect([0, 1, 2, 3, 9].map((c) => columnOf([0, 2, 4], c))).toEqual([0, 0.5, 1, 1.5, 2.5]);
  });
});

describe('shade', () => {
  it('is the square root of the share', () => {
    expect(darkness(0)).toBeCloseTo(0.12);
    expect(darkness(0.25)).toBeCloseTo(0.56);
    expect(darkness(1)).toBeCloseTo(1);
    expect(darkness(NaN)).toBe(0);
  });
  it('is of images or of positions', () => {
    const history = { checkpoints: [0], health: [['alive' as Health]], active: [[1]], zeros: [[0.6]] };
    expect(lifeOf('conv', false, history).shares[0][0]).toBeCloseTo(0.4);
    expect(shareWords(lifeOf('conv', false, history), 0.4)).toBe('40.0 % of positions');
    expect(shareWords(lifeOf('fc', true, history), 0.0042)).toBe('0.42 % of images');
  });
});

describe('deaths and returns', () => {
  const life = lives('fc', 'dvadd', 'aaaaa', 'addva');

  it('are turns from one checkpoint with statistics to the next', () => {
    expect(turnAt(life, 0, 0)).toEqual({ layer: 'fc', unit: 0, kind: 'death', from: null, at: 0 });
    expect(turnAt(life, 0, 1)).toMatchObject({ kind: 'return', from: 0, at: 2 });
    expect(turnAt(life, 0, 4)).toBeNull();
    expect(turnAt(life, 1, 0)).toBeNull();
  });
  it('are listed as spells, the first death first', () => {
    expect(spellsOf(life).map((one) => [one.unit, one.death.at, one.back?.at])).toEqual([
      [0, 0, 2],
      [0, 6, undefined],
      [2, 2, 6],
    ]);
    expect(spellsOfAll([lives('conv', 'aaada'), life]).map((one) => `${one.layer} ${one.unit}`)).toEqual([
      'fc 0',
      'fc 2',
      'conv 0',
      'fc 0',
    ]);
  });
  it('are described in words', () => {
    const [first, last, middle] = spellsOf(life).map((one) =>
      spellWords(one, ({ kind }) => (kind === 'death' ? 'inputs' : '')),
    );
    expect(first).toBe('dead from 0 (inputs), alive again at 2');
    expect(last).toBe('dead at 6 (inputs), and still');
    expect(middle).toBe('dead at 2 (inputs), alive again at 6');
  });
  it('choose the layer, and the checkpoint before a death', () => {
    expect(layerWithMostDead([lives('conv', 'aada', 'aaaa'), lives('fc', 'dada', 'adaa')])).toBe('fc');
    expect(layerWithMostDead([lives('conv', 'arra')])).toBeNull();
    expect(openAt(life, 2, 2)).toBe(0);
    expect(openAt(life, 2, 4)).toBe(8);
    expect(openAt(life, 0, 0)).toBe(0);
  });
});

it('keys move from unit to unit and from checkpoint to checkpoint', () => {
  const from = { row: 1, column: 1.5 };
  expect(moved(from, 'ArrowUp', 20, 5)).toEqual({ row: 0, column: 1.5 });
  expect(moved(from, 'ArrowLeft', 20, 5)).toEqual({ row: 1, column: 1 });
  expect(moved(from, 'ArrowRight', 20, 5)).toEqual({ row: 1, column: 2 });
  expect(moved(from, 'PageDown', 20, 5)?.row).toBe(11);
  expect(moved(from, 'End', 20, 5)?.row).toBe(19);
  expect(moved(from, 'a', 20, 5)).toBeNull();
});

it('what was computed for an object is kept for it', () => {
  let count = 0;
  const size = once((life: { units: number }) => {
    count += 1;
    return life.units;
  });
  const [one, other] = [{ units: 3 }, { units: 5 }];
  expect([size(one), size(other), size(one)]).toEqual([3, 5, 3]);
  expect(count).toBe(2);
});

it('gives rows the height that there is, and at least that of large text', () => {
  expect(rowScale(300, 250, 1)).toBe(1);
  expect(rowScale(300, 650, 1)).toBe(2);
  expect(rowScale(10, 5000, 1)).toBe(3);
  expect(rowScale(300, 250, 16 / 12)).toBe(2);
  expect(rowScale(0, 250, 1)).toBe(3);
});
