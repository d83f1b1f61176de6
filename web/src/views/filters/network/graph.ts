/** Layout of the network graph: columns by distance from the input, lanes where it branches, rails over what is skipped. Pure. */
import type { Shape } from '../../../api/types';
import { chains, type Chains } from './chains';
import { rails, wayOf, type Rail, type Way } from './rails';

export interface Graph {
  nodes: readonly { name: string; type: string; shape: Shape; parameters: number; description?: string }[];
  edges: readonly { from: string; to: string }[];
}

export interface Node {
  name: string;
  type: string;
  shape: Shape;
  parameters: number;
  description: string;
  column: number;
  lane: number;
  /** Size of the glyph in pixels: height by the maps' height, width by their number. */
  glyph: { width: number; height: number };
}

/** A connection within a lane, or between lanes. Those that skip layers are in rails. */
export interface Edge {
  from: Node;
  to: Node;
  way: Exclude<Way, 'rail'>;
}

export interface GraphLayout {
  /** Layers from left to right, within a column from top to bottom. */
  nodes: Node[];
  byName: ReadonlyMap<string, Node>;
  edges: Edge[];
  rails: Rail[];
  chains: Chains;
  columns: number;
  lanes: number;
}

const TALLEST = 34;
const WIDEST = 36;

/** A glyph for an activation's shape: 32 × 32² is upright, 64 × 8² is long. */
export function glyph(shape: Shape, largest: Shape): { width: number; height: number } {
  const height = Math.round(
    2 + (TALLEST - 2) * (Math.max(shape.height, shape.width) / Math.max(1, largest.height, largest.width)),
  );
  const width = Math.round(4 + (WIDEST - 4) * Math.min(1, shape.channels / Math.max(64, largest.channels)));
  return { width, height: Math.max(4, height) };
}

export function layout(graph: Graph): GraphLayout {
  const names = graph.nodes.map((node) => node.name);
  const placed = chains({ names, edges: graph.edges });
  const largest: Shape = { channels: 1, height: 1, width: 1 };
  for (const { shape } of graph.nodes) {
    largest.channels = Math.max(largest.channels, shape.channels);
    largest.height = Math.max(largest.height, shape.height);
    largest.width = Math.max(largest.width, shape.width);
  }
  const nodes = graph.nodes
    .map((node): Node => ({
      ...node,
      description: node.description ?? '',
      column: placed.column.get(node.name) ?? 0,
      lane: placed.lane.get(node.name) ?? 0,
      glyph: glyph(node.shape, largest),
    }))
    .sort((a, b) => a.column - b.column || a.lane - b.lane);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const edges = graph.edges.flatMap(({ from, to }): Edge[] => {
    const [a, b] = [byName.get(from), byName.get(to)];
    const way = a && b ? wayOf(placed, from, to) : 'rail';
    return a && b && way !== 'rail' ? [{ from: a, to: b, way }] : [];
  });
  let [columns, lanes] = [0, 0];
  for (const node of nodes) [columns, lanes] = [Math.max(columns, node.column), Math.max(lanes, node.lane)];
  return {
    nodes,
    byName,
    edges,
    rails: rails(placed, graph.edges),
    chains: placed,
    columns: columns + 1,
    lanes: lanes + 1,
  };
}

/** While the strip scrolls, it is redrawn once per this number of columns, not with every pixel. */
const SIGHT_STEP = 8;

/** The columns to draw: the visible ones and as many on either side, in steps. */
export function columnsInViewport(
  scrolled: number,
  available: number,
  pitch: number,
): { from: number; to: number } {
  const step = SIGHT_STEP * Math.max(1, pitch);
  return {
    from: Math.floor((scrolled - available) / step) * SIGHT_STEP,
    to: Math.ceil((scrolled + 2 * available) / step) * SIGHT_STEP,
  };
}
