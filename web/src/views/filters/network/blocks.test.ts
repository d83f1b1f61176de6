// The layout of the blocks that networks are made of: which layers have lanes, and what runs along rails.
import { describe, expect, it } from 'vitest';
import { layout, type Graph, type GraphLayout } from './graph';
import { pathTo, step } from './steps';

/** Layers as `name: input, input`, in the order of the network. */
function drawn(...lines: string[]): GraphLayout {
  const layers = lines.map((line) => {
    const [name, inputs] = line.split(':');
    return { name, inputs: inputs ? inputs.split(',').map((one) => one.trim()) : [] };
  });
  const shape = { channels: 8, height: 4, width: 4 };
  const graph: Graph = {
    nodes: layers.map(({ name }) => ({ name, type: 'conv', shape, parameters: 0 })),
    edges: layers.flatMap(({ name, inputs }) => inputs.map((from) => ({ from, to: name }))),
  };
  return layout(graph);
}
const places = ({ nodes }: GraphLayout) =>
  Object.fromEntries(nodes.map((node) => [node.name, [node.column, node.lane]]));
const railsOf = ({ rails }: GraphLayout) =>
  rails.map(({ joins, taps, lane, level }) => ({ joins, taps, lane, level }));
const ways = ({ edges }: GraphLayout) => edges.map(({ from, to, way }) => `${from.name} ${way} ${to.name}`);

const residual = drawn('x', 'conv1: x', 'relu: conv1', 'conv2: relu', 'add: conv2, x', 'out: add');
const projected = drawn(
  'x',
  'conv1: x',
  'conv2: conv1',
  'down: x',
  'add: conv2, down',
  'c3: add',
  'add2: c3, add',
  'c4: add2',
);
const inception = drawn(
  'x',
  'a1: x',
  'b1: x',
  'b2: b1',
  'c1: x',
  'c2: c1',
  'pool: x',
  'd1: pool',
  'concat: a1, b2, c2, d1',
  'e1: concat',
  'f1: concat',
  'f2: f1',
  'concat2: e1, f2',
);

describe('a residual block', () => {
  it('is one lane, with its skip on a rail from the input to the sum', () => {
    expect(places(residual)).toEqual({
      x: [0, 0],
      conv1: [1, 0],
      relu: [2, 0],
      conv2: [3, 0],
      add: [4, 0],
      out: [5, 0],
    });
    expect(railsOf(residual)).toEqual([{ joins: ['x'], taps: ['add'], lane: 0, level: 0 }]);
    expect(residual.lanes).toBe(1);
  });
  it('has a lane for a projection, which the next block leaves', () => {
    expect(places(projected).down).toEqual([1, 1]);
    expect(projected.lanes).toBe(2);
    expect(ways(projected)).toContain('x branch down');
    expect(ways(projected)).toContain('down merge add');
    expect(railsOf(projected)).toEqual([{ joins: ['add'], taps: ['add2'], lane: 0, level: 0 }]);
  });
  it('whose sum names the skip first is the same', () => {
    const first = drawn('x', 'down: x', 'conv1: x', 'conv2: conv1', 'add: down, conv2');
    expect(places(first)).toMatchObject({ conv1: [1, 0], conv2: [2, 0], down: [1, 1], add: [3, 0] });
  });
  it('within another has the lower rail', () => {
    const nested = drawn('x', 'a: x', 'b: a', 'inner: b, a', 'outer: inner, x', 'end: outer');
    expect(railsOf(nested)).toEqual([
      { joins: ['a'], taps: ['inner'], lane: 0, level: 0 },
      { joins: ['x'], taps: ['outer'], lane: 0, level: 1 },
    ]);
  });
});

describe('a dense block', () => {
  const block = [
    'x',
    'conv1: x',
    'concat2: x, conv1',
    'conv2: concat2',
    'concat3: x, conv1, conv2',
    'conv3: concat3',
    'concat4: x, conv1, conv2, conv3',
    'end: concat4',
  ];
  it('is one lane and one rail, of which each concatenation takes all that joined before it', () => {
    const dense = drawn(...block);
    expect(dense.lanes).toBe(1);
    expect(railsOf(dense)).toEqual([
      { joins: ['x', 'conv1', 'conv2'], taps: ['concat2', 'concat3', 'concat4'], lane: 0, level: 0 },
    ]);
  });
  it('of which one leaves an input out has a rail more: no tap takes what its layer does not', () => {
    const odd = drawn(...block.map((line) => line.replace('concat4: x, conv1,', 'concat4: x,')));
    const rails = railsOf(odd);
    expect(rails).toHaveLength(2);
    for (const { joins, taps } of rails)
      for (const tap of taps) {
        const [column] = places(odd)[tap];
        const taken = joins.filter((join) => places(odd)[join][0] < column);
        expect(odd.chains.before.get(tap)).toEqual(expect.arrayContaining(taken));
      }
  });
});

describe('an inception module', () => {
  it('has a lane for every branch, the longest first, and the next module takes the same lanes', () => {
    expect(places(inception)).toMatchObject({
      b1: [1, 0],
      a1: [1, 1],
      c1: [1, 2],
      c2: [2, 2],
      pool: [1, 3],
      concat: [3, 0],
      f1: [4, 0],
      e1: [4, 1],
      concat2: [6, 0],
    });
    expect(inception.lanes).toBe(4);
    expect(inception.rails).toEqual([]);
    expect(ways(inception)).toContain('a1 merge concat');
  });
});

describe('squeeze and excitation', () => {
  const se = drawn(
    'x',
    'conv: x',
    'pool: conv',
    'fc1: pool',
    'fc2: fc1',
    'gate: fc2',
    'scale: conv, gate',
    'add: scale, x',
  );
  it('is one lane with the maps on a rail to the product, under the skip of the block', () => {
    expect(se.lanes).toBe(1);
    expect(railsOf(se)).toEqual([
      { joins: ['conv'], taps: ['scale'], lane: 0, level: 0 },
      { joins: ['x'], taps: ['add'], lane: 0, level: 1 },
    ]);
  });
  it('several layers that take the same input share a rail', () => {
    const shared = drawn('x', 'a: x', 'b: a, x', 'c: b, x');
    expect(railsOf(shared)).toEqual([{ joins: ['x'], taps: ['b', 'c'], lane: 0, level: 0 }]);
  });
});

describe('a layer without a way to the end', () => {
  it('leaves the lane to the path that continues', () => {
    const heads = drawn('x', 'aux: x', 'a: x', 'b: a', 'c: b');
    expect(places(heads)).toMatchObject({ aux: [1, 1], a: [1, 0], c: [3, 0] });
  });
});

describe('keys', () => {
  it('go along the connections and back', () => {
    expect(step(residual, 'x', 'ArrowRight')).toBe('conv1');
    expect(step(residual, 'add', 'ArrowLeft')).toBe('conv2');
    expect(step(inception, 'a1', 'ArrowRight')).toBe('concat');
    expect(step(inception, 'pool', 'ArrowLeft')).toBe('x');
    expect(step(residual, 'x', 'ArrowLeft')).toBeNull();
    expect(step(residual, 'out', 'ArrowRight')).toBeNull();
    expect([step(residual, 'relu', 'Home'), step(residual, 'relu', 'End')]).toEqual(['x', 'out']);
    expect(step(residual, 'relu', 'a')).toBeNull();
  });
  it('go up and down among the branches that lie side by side', () => {
    expect(step(inception, 'x', 'ArrowDown')).toBe('a1');
    expect(step(inception, 'a1', 'ArrowDown')).toBe('c1');
    expect(step(inception, 'c2', 'ArrowDown')).toBe('d1');
    expect(step(inception, 'd1', 'ArrowUp')).toBe('c2');
    expect(step(inception, 'd1', 'ArrowDown')).toBeNull();
    expect(step(projected, 'c4', 'ArrowDown')).toBeNull();
  });
});

it('the path to a layer is what it is computed from', () => {
  expect([...pathTo(inception, 'c2')].sort()).toEqual(['c1', 'c2', 'x']);
  expect(pathTo(residual, 'add').size).toBe(5);
  expect(pathTo(residual, 'elsewhere').size).toBe(0);
});

it('a module that takes what comes after it has a rail back', () => {
  const back = drawn('m: b', 'a: m', 'b: a', 'c: b');
  expect(back.rails.map(({ joins, taps, isBack }) => [joins, taps, isBack])).toEqual([[['b'], ['m'], true]]);
});
