import { describe, expect, it } from 'vitest';
import { layout, type GraphLayout } from './graph';
import { isChain, linesOf } from './lines';
import { laneTops, railRoom, rounded, Routes } from './routes';

function drawn(layers: Record<string, string[]>): GraphLayout {
  const shape = { channels: 8, height: 4, width: 4 };
  return layout({
    nodes: Object.keys(layers).map((name) => ({ name, type: 'conv', shape, parameters: 0 })),
    edges: Object.entries(layers).flatMap(([to, inputs]) => inputs.map((from) => ({ from, to }))),
  });
}
function routed(layers: Record<string, string[]>) {
  const drawing = drawn(layers);
  const { tops } = laneTops(railRoom(drawing.rails, drawing.lanes));
  return { drawing, routes: new Routes(drawing, { pitch: 80, tops }) };
}
const all = { from: 0, to: 100 };
/** Upright pieces of a line: where, and from which height to which. */
const uprights = (d: string) =>
  [...d.matchAll(/Q(-?[\d.]+),(-?[\d.]+) (-?[\d.]+),(-?[\d.]+)/g)]
    .filter(([, x, , x2]) => x === x2)
    .map(([, x, y]) => ({ x: Number(x), y: Number(y) }));

describe('a chain', () => {
  const { drawing, routes } = routed({ a: [], b: ['a'], c: ['b'] });
  it('is level lines and nothing else, in a strip of 103 pixels', () => {
    expect(isChain(drawing)).toBe(true);
    expect(linesOf(drawing, routes, all, null)).toEqual([
      { id: 'a b', d: 'M40,30.5H120', isLevel: true, isBack: false },
      { id: 'b c', d: 'M120,30.5H200', isLevel: true, isBack: false },
    ]);
    expect(laneTops([0])).toEqual({ tops: [0], height: 103 });
  });
});

describe('a skip', () => {
  const { drawing, routes } = routed({ x: [], a: ['x'], b: ['a'], add: ['b', 'x'] });
  it('leaves behind its layer, and comes down on the sum', () => {
    const rail = linesOf(drawing, routes, all, null).find(({ id }) => id.startsWith('rail'));
    // From the centre of x, up before the border of its column; down in the middle of the fourth column.
    expect(rail?.d).toMatch(/^M40,30\.5L/);
    expect(rail?.d).toMatch(/L280\.5,30M|L280\.5,30$/);
    expect(isChain(drawing)).toBe(false);
  });
  it('is drawn of a path only where the path takes it', () => {
    const on = linesOf(drawing, routes, all, (from, to) => from === 'x' && to === 'add');
    expect(on.map(({ id }) => id)).toEqual(['rail x over to add']);
    const off = linesOf(drawing, routes, all, (_, to) => to === 'a');
    expect(off.map(({ id }) => id)).toEqual(['x a']);
  });
  it('out of sight is not drawn', () => {
    expect(linesOf(drawing, routes, { from: 50, to: 60 }, null)).toEqual([]);
  });
});

it('connections of different layers never share an upright line', () => {
  // d ends beside the place where a branches off.
  const { drawing, routes } = routed({
    s: [],
    a: ['s'],
    d: ['s'],
    b: ['a', 'd'],
    c: ['a'],
    e: ['b', 'c'],
    f: ['e'],
  });
  const seen = new Map<string, string>();
  for (const { from, to, way } of drawing.edges) {
    if (way === 'lane') continue;
    const of = way === 'branch' ? `out ${from.name}` : `in ${to.name}`;
    for (const { x } of uprights(routes.edge(from, to, way))) {
      const at = String(x);
      expect(seen.get(at) ?? of).toBe(of);
      seen.set(at, of);
    }
  }
  expect(seen.size).toBeGreaterThan(2);
});

it('lanes lie below each other, below their rails', () => {
  const { tops, height } = laneTops([9, 9, 0]);
  expect(tops[0]).toBe(9);
  expect(tops[1]).toBeGreaterThan(tops[0] + 84);
  expect(tops[2]).toBeGreaterThan(tops[1] + 80);
  expect(height).toBeGreaterThan(tops[2] + 80);
});

it('corners are no rounder than their sides are long', () => {
  expect(rounded([[0, 0], [4, 0], [4, 50]])).toBe('M0,0L2,0Q4,0 4,2L4,50'); // prettier-ignore
});
