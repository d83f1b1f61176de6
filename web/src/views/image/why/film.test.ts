import { expect, it } from 'vitest';
import {
  completeness,
  evenly,
  frameOf,
  frames,
  highlighted,
  mapSentence,
  softmax,
  strongestPart,
  verdictOf,
} from './film';

const all = Array.from({ length: 51 }, (_, k) => k);

it('has frames closer at the beginning, without the untrained network', () => {
  const six = frames(all, 6);
  expect(six).toHaveLength(6);
  expect([six[0], six.at(-1)]).toEqual([1, 50]);
  expect(six[1] - six[0]).toBeLessThan(six[5] - six[4]);
  expect(frames([0, 1, 2], 6)).toEqual([0, 1, 2]);
  expect(new Set(frames(all.slice(0, 9), 7)).size).toBe(7);
  expect(frames([], 6)).toEqual([]);
});

it('limits the number of checkpoints per request', () => {
  expect(evenly(all)).toEqual(all);
  const few = evenly(all, 5);
  expect([few[0], few.at(-1), few.length]).toEqual([0, 50, 5]);
});

it('knows the frame of a checkpoint', () => {
  expect(frameOf([1, 5, 10], 7)).toBe(5);
  expect(frameOf([1, 5, 10], 0)).toBe(1);
  expect(frameOf([], 3)).toBeNull();
});

it('says where a map is strongest', () => {
  const at = (y: number, x: number) => Array.from({ length: 64 }, (_, k) => (k === 8 * y + x ? 1 : 0));
  const shape = { rows: 8, columns: 8 };
  expect(strongestPart(at(0, 7), shape)).toBe('top right');
  expect(strongestPart(at(4, 4), shape)).toBe('middle');
  expect(strongestPart(at(4, 0), shape)).toBe('left side');
  expect(strongestPart(at(7, 4), shape)).toBe('bottom');
  expect(strongestPart(new Array<number>(64).fill(0), shape)).toBeNull();
});

it('says what an occlusion map says', () => {
  const map = {
    checkpoint: 5,
    class: 1,
    versus: null,
    explained: 9.52,
    predicted: 1,
    logits: [],
    completeness_error: -0.0042,
    values: [0, 2.84, null, -1],
  };
  const shape = { rows: 2, columns: 2 };
  expect(mapSentence(map, shape, 'occlusion')).toMatchObject({ value: '9.5', fall: '2.8' });
  expect(mapSentence(map, shape, 'layercam').fall).toBeNull();
  expect(completeness(map)).toBe('0.42 %');
});

it('never calls a reconstruction or a method that failed an explanation', () => {
  expect(verdictOf({ passed: true, reconstruction: false })).toBe('passes');
  expect(verdictOf({ passed: false, reconstruction: false })).toBe('fails');
  expect(verdictOf({ passed: true, reconstruction: true })).toBe('reconstruction');
});

it('inks the class and its rival', () => {
  expect(highlighted([1, 5, 3], 1, null)).toEqual([1, 2]);
  expect(highlighted([1, 5, 3], 1, 0)).toEqual([1, 0]);
  const [a, b] = softmax([0, Math.log(3)]);
  expect([a.toFixed(2), b.toFixed(2)]).toEqual(['0.25', '0.75']);
});
