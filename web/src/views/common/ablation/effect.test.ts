import { expect, it } from 'vitest';
import { ApiError } from '../../../api/client';
import {
  allowedLimit,
  costliest,
  effectOf,
  effectsOf,
  effectsOn,
  measuredOver,
  mostAffectedClass,
} from './effect';

const none = { lost: [0, 0], gained: [0, 0], logits: [0, 0] };
const filters = [
  { value: 1, zero: { lost: [20, 1], gained: [0, 2], logits: [-1, 0] }, mean: none },
  { value: 1, zero: { lost: [3, 0], gained: [2, 9], logits: [0, 0] }, mean: none },
];

it('is noise up to 1.96 standard errors', () => {
  expect(effectOf(5, 1)).toMatchObject({ net: 4, beyondNoise: false });
  expect(effectOf(9, 0)).toMatchObject({ net: 9, beyondNoise: true });
  expect(effectOf(0, 0)).toMatchObject({ net: 0, half: 0, beyondNoise: false });
});

it('orders the units by what a class loses', () => {
  expect(costliest(effectsOn(filters, 0, 'zero'), 1)[0]).toMatchObject({ filter: 0, net: 20 });
  expect(costliest(effectsOn(filters, 1, 'zero'), 2).map(({ filter, net }) => [filter, net])).toEqual([
    [0, -1],
    [1, -9],
  ]);
});

it('names the class most hurt beyond noise', () => {
  expect(mostAffectedClass(filters[0], 'zero')).toMatchObject({ class_index: 0 });
  expect(mostAffectedClass(filters[1], 'zero')).toBeNull();
  expect(mostAffectedClass(filters[0], 'mean')).toBeNull();
  expect(mostAffectedClass(undefined, 'zero')).toBeNull();
  expect(effectsOf(filters[1], 'zero').map(({ net }) => net)).toEqual([1, -9]);
});

it('says over which part of the images it was measured', () => {
  expect(measuredOver([250, 250], { total: 5000, run: 'mine' })).toEqual({
    words: 'over 500 of 5,000 test images',
    command: 'deepviz stats mine --ablation=5000',
  });
  expect(measuredOver([2500, 2500], { total: 5000, run: 'mine' })).toBeNull();
});

it('reads from a refusal how many images are measured on request', () => {
  const refusal = (status: number, hint?: string) => new ApiError({ title: '', status, hint });
  expect(allowedLimit(refusal(400, '`limit=144` where that is more than 0; `deepviz stats RUN`'))).toBe(144);
  expect(allowedLimit(refusal(400, '`limit=0` where that is more than 0'))).toBeNull();
  expect([allowedLimit(refusal(400)), allowedLimit(refusal(404, 'limit=3')), allowedLimit(null)]).toEqual([
    null,
    null,
    null,
  ]);
});
