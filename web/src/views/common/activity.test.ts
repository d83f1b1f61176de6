import { expect, it } from 'vitest';
import { rectifierOf, stateOf, tallies, tally } from './activity';

const layer = (name: string, type: string, ...inputs: string[]) => ({ name, type, inputs });
const net = [
  layer('data', 'data'),
  layer('conv1', 'conv', 'data'),
  layer('pool1', 'pool', 'conv1'),
  layer('relu1', 'relu', 'pool1'),
  layer('conv2', 'conv', 'relu1'),
  layer('bn2', 'batch_norm', 'conv2'),
  layer('sum', 'add', 'bn2', 'relu1'),
  layer('relu2', 'relu', 'sum'),
  layer('fc', 'full', 'relu2'),
  layer('probs', 'softmax', 'fc'),
];

it('finds the rectifier that is the filters’ own', () => {
  expect(rectifierOf(net, 'conv1')).toBe('relu1');
  expect(rectifierOf(net, 'relu1')).toBe('relu1');
  // Behind a sum it cuts off the sum, not the filter.
  expect(rectifierOf(net, 'conv2')).toBeNull();
  expect(rectifierOf(net, 'fc')).toBeNull();
  expect(rectifierOf(net, 'nothing')).toBeNull();
});

it('counts the filters by how they are', () => {
  const found = tally(['alive', 'dead', 'at_risk', 'revived'], [0, 1, 0.99, 0.41]);
  expect(found).toMatchObject({ filters: 4, dead: 1, at_risk: 1, revived: 1, saturated: 1 });
  expect(found.active).toBeCloseTo(0.4);
  expect(tally([], []).active).toBeNaN();
  expect(tallies({ health: [['dead'], ['revived']], zeros: [[1], [0.5]] }).map((t) => t.dead)).toEqual([1, 0]);
});

it('names the state of one filter', () => {
  expect(stateOf('alive', 0.5)).toBe('alive');
  expect(stateOf('alive', 0.001)).toBe('saturated');
  expect(stateOf('at_risk', 0.999)).toBe('at risk');
  expect(stateOf('dead', 1)).toBe('dead');
  expect(stateOf(undefined, null)).toBe('–');
});
