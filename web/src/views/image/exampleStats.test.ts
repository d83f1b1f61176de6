import { expect, it } from 'vitest';
import { exampleFacts, nearestConfidence, labelIssue } from './exampleStats';

const one = {
  id: 7,
  true_class: 0,
  predicted: 1,
  learned: 3,
  forgotten: 2,
  flips: 5,
  right: 20,
  final_margin: -0.4,
  mean_margin: 0.1,
  late_margin: -0.31,
  agreement: 0.92,
};

it('describes the predictions of an image over time', () => {
  expect(exampleFacts(one, 51)).toEqual([
    ['correct at', '20 of 51'],
    ['forgotten', '2 times'],
    ['margin', '−0.40'],
    ['mean margin', '+0.10'],
  ]);
  expect(exampleFacts({ ...one, forgotten: 1 }, 51)[1][1]).toBe('once');
});

it('says why a label is suspected, and only where it is', () => {
  expect(labelIssue(one, ['cat', 'dog'])).toBe(
    'possible label error: predicted dog at 92 % of later checkpoints, by 0.31 over cat on average',
  );
  expect(labelIssue({ ...one, late_margin: 0.1 }, ['cat', 'dog'])).toBeNull();
  expect(labelIssue({ ...one, late_margin: -0.01 }, ['cat', 'dog'])).toBeNull();
  expect(labelIssue({ ...one, agreement: 0.06 }, ['cat', 'dog'])).toBeNull();
  expect(labelIssue({ ...one, predicted: 0 }, ['cat', 'dog'])).toBeNull();
});

it('finds images of similar confidence', () => {
  const items = [0.9, 0.5, 0.7, 0.6].map((probability, id) => ({ id, probability }));
  expect(nearestConfidence(items, { id: 3, probability: 0.6 }, 2).map((item) => item.id)).toEqual([1, 2]);
});
