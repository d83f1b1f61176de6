/** Layout of the network graph: columns by distance from the input, lanes where it branches. Pure. */
import type { Shape } from '../../api/types';

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

export interface GraphLayout {
  nodes: Node[];
  edges: { from: Node; to: Node }[];
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
  const inputs = new Map<string, string[]>(graph.nodes.map((n) => [n.name, []]));
  for (const edge of graph.edges) inputs.get(edge.to)?.push(edge.from);
  // Nodes come after their inputs. Only a folded module may also take what comes after it: that edge moves nothing.
  const column = new Map<string, number>();
  for (const { name } of graph.nodes) {
    const before = (inputs.get(name) ?? []).map((from) => column.get(from) ?? -1);
    column.set(name, Math.max(-1, ...before) + 1);
  }

  const largest: Shape = {
    channels: Math.max(1, ...graph.nodes.map((n) => n.shape.channels)),
    height: Math.max(1, ...graph.nodes.map((n) => n.shape.height)),
    width: Math.max(1, ...graph.nodes.map((n) => n.shape.width)),
  };
  const taken = new Map<number, Set<number>>();
  const placed = new Map<string, Node>();
  const nodes = [...graph.nodes]
    .sort((a, b) => (column.get(a.name) ?? 0) - (column.get(b.name) ?? 0))
    .map((node): Node => {
      const at = column.get(node.name) ?? 0;
      const lanes = taken.get(at) ?? new Set<number>();
      taken.set(at, lanes);
      // In the lane of its first input when that is free, so that a chain stays a straight line.
      const from = (inputs.get(node.name) ?? []).map((name) => placed.get(name)?.lane ?? 0);
      let lane = from.length ? Math.min(...from) : 0;
      while (lanes.has(lane)) lane += 1;
      lanes.add(lane);
      const made = {
        ...node,
        description: node.description ?? '',
        column: at,
        lane,
        glyph: glyph(node.shape, largest),
      };
      placed.set(node.name, made);
      return made;
    });
  const edges = graph.edges.flatMap(({ from, to }) => {
    const [a, b] = [placed.get(from), placed.get(to)];
    return a && b ? [{ from: a, to: b }] : [];
  });
  return {
    nodes,
    edges,
    columns: Math.max(0, ...nodes.map((n) => n.column)) + 1,
    lanes: Math.max(0, ...nodes.map((n) => n.lane)) + 1,
  };
}

/** A window that moves on by a step of columns is drawn anew once a step, not with every pixel. */
const SIGHT_STEP = 8;

/** The columns to draw: those in sight and as many on either side, in steps. */
export function columnsInSight(
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
