import { describe, expect, it } from 'vitest';
import {
  flipWords,
  labelPlace,
  listedClasses,
  mapColumns,
  predictionSegments,
  stack,
  streamOrder,
  topClass,
  summary,
  stripTile,
  withoutOverlap,
} from './data';

const ROWS = [
  [0.5, 0.3, 0.2],
  [0.2, 0.5, 0.3],
  [0.6, 0.3, 0.1],
  [0.1, 0.8, 0.1],
  [0.1, 0.7, 0.2],
];
const CHECKPOINTS = [0, 2, 4, 6, 8];

describe('the summary', () => {
  it('knows the first correct checkpoint, that from which on all are, and flips', () => {
    expect(summary(ROWS, CHECKPOINTS, 1)).toEqual({
      predicted: [0, 1, 0, 1, 1],
      first_right: 2,
      correct_since: 6,
      flips: 3,
    });
  });
  it('has null where it never was correct', () => {
    expect(summary(ROWS, CHECKPOINTS, 2)).toMatchObject({ first_right: null, correct_since: null });
    expect(summary([], [], 2)).toMatchObject({ first_right: null, correct_since: null, flips: 0 });
  });
  it('says of how many steps the prediction changed', () => {
    expect(flipWords({ flips: 3, predicted: [0, 1, 0, 1, 1] })).toBe('3 of 4');
    expect(flipWords({ flips: 0, predicted: new Array<number>(1201).fill(0) })).toBe('0 of 1,200');
  });
  it('joins checkpoints with the same prediction', () => {
    expect(predictionSegments([0, 1, 1, 0])).toEqual([
      { class_index: 0, first: 0, last: 0 },
      { class_index: 1, first: 1, last: 2 },
      { class_index: 0, first: 3, last: 3 },
    ]);
    expect(topClass([0.2, 0.4, 0.4])).toBe(1);
  });
});

describe('the stream', () => {
  it('puts the true class at the bottom and the rest by weight', () => {
    expect(streamOrder(ROWS, 2)).toEqual([2, 1, 0]);
    expect(streamOrder([], 2)).toEqual([]);
    // Not known yet: no class of its own.
    expect(streamOrder(ROWS, -1)).toEqual([1, 0, 2]);
  });
  it('stacks to one', () => {
    const layers = stack(ROWS, [2, 1, 0], 10);
    expect(layers.map((l) => l.class_index)).toEqual([2, 1, 0]);
    for (const top of layers[2].high) expect(top).toBeCloseTo(1, 9);
    expect(layers[1].low).toEqual(layers[0].high);
  });
  it('gathers small classes when there are many', () => {
    const layers = stack(ROWS, [2, 1, 0], 2);
    expect(layers.map((l) => l.class_index)).toEqual([2, null]);
    expect(layers[1].high[0]).toBe(1);
  });
  it('is labelled where it is wide', () => {
    const layer = { class_index: 0, low: [0, 0, 0, 0, 0, 0, 0], high: [1, 0.1, 0.2, 0.6, 0.7, 0.6, 0.1] };
    expect(labelPlace(layer, { min: 0.09, margin: 1 })).toEqual({ index: 4, middle: 0.35 });
    expect(labelPlace(layer, { min: 0.9, margin: 1 })).toBeNull();
  });
});

it('of two names that meet the one with less room gives way', () => {
  const at = (text: string, room: number, left: number, top: number) => ({
    text,
    room,
    box: { left, right: left + 40, top, bottom: top + 16 },
  });
  const labels = [
    at('ellipse', 0.2, 0, 0),
    at('diamond', 0.4, 30, 10),
    at('star', 0.1, 0, 20),
    at('ring', 0.1, 80, 0),
  ];
  expect(withoutOverlap(labels).map((label) => label.text)).toEqual(['diamond', 'ring']);
  expect(withoutOverlap(labels.slice(2)).map((label) => label.text)).toEqual(['star', 'ring']);
});

it('lists the true class among the likeliest', () => {
  expect(listedClasses([0.1, 0.2], 0, 10)).toEqual([0, 1]);
  expect(listedClasses([0.1, 0.2, 0.3, 0.4], 0, 2)).toEqual([0, 3]);
});

it('lays maps of all layers on one grid', () => {
  expect(mapColumns(32, 35, 1124)).toBe(32);
  expect(mapColumns(64, 35, 1124)).toBe(32);
  expect(mapColumns(32, 35, 964)).toBe(16);
  expect(mapColumns(64, 35, 964)).toBe(16);
  expect(mapColumns(10, 35, 1124)).toBe(10);
});

describe('the size of maps', () => {
  const shapes = [
    { channels: 32, height: 32, width: 32 },
    { channels: 32, height: 16, width: 16 },
    { channels: 64, height: 1, width: 1 },
  ];
  it('grows with the available space', () => {
    expect([200, 400, 700].map((available) => stripTile(shapes, 1604, available))).toEqual([32, 64, 96]);
  });
  it('is the least where nothing fits', () => expect(stripTile(shapes, 300, 100)).toBe(32));
});
