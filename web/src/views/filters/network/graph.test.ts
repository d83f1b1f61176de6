import { describe, expect, it } from 'vitest';
import { columnsInViewport, glyph, layout, type Graph } from './graph';

const graph = (edges: [string, string][]): Graph => {
  const names = [...new Set(edges.flat())];
  return {
    nodes: names.map((name) => ({
      name,
      type: 'conv',
      shape: { channels: 32, height: 16, width: 16 },
      parameters: 0,
    })),
    edges: edges.map(([from, to]) => ({ from, to })),
  };
};

describe('network', () => {
  it('keeps a chain in one line', () => {
    const { nodes, columns, lanes } = layout(graph([['a', 'b'], ['b', 'c']])); // prettier-ignore
    expect(nodes.map((n) => [n.name, n.column, n.lane])).toEqual([
      ['a', 0, 0],
      ['b', 1, 0],
      ['c', 2, 0],
    ]);
    expect([columns, lanes]).toEqual([3, 1]);
  });
  it('gives branches lanes of their own, the longest way the first, and joins them after it', () => {
    const { nodes, lanes, edges } = layout(graph([['a', 'b'], ['a', 'c'], ['c', 'd'], ['b', 'e'], ['d', 'e']])); // prettier-ignore
    const at = Object.fromEntries(nodes.map((n) => [n.name, [n.column, n.lane]]));
    expect(at).toEqual({ a: [0, 0], b: [1, 1], c: [1, 0], d: [2, 0], e: [3, 0] });
    expect([lanes, edges.length]).toEqual([2, 5]);
  });
  it('does not hang on a cycle', () => {
    expect(layout(graph([['a', 'b'], ['b', 'a']])).nodes).toHaveLength(2); // prettier-ignore
  });
  it('draws size as size', () => {
    const largest = { channels: 64, height: 32, width: 32 };
    expect(glyph({ channels: 32, height: 32, width: 32 }, largest)).toEqual({ width: 20, height: 34 });
    expect(glyph({ channels: 64, height: 8, width: 8 }, largest)).toEqual({ width: 36, height: 10 });
    expect(glyph({ channels: 10, height: 1, width: 1 }, largest).height).toBe(4);
  });
  it('draws the visible part of a long strip, in steps', () => {
    const at = (scrolled: number) => columnsInViewport(scrolled, 1000, 76);
    expect(at(0)).toEqual({ from: -16, to: 32 });
    expect(at(20)).toEqual(at(0));
    expect(at(20_000).from).toBeLessThan((20_000 - 999) / 76);
    expect(at(20_000).to).toBeGreaterThan((20_000 + 1999) / 76);
  });
});
