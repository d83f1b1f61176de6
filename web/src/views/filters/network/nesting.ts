/** Layers grouped by the modules in their names: `layer1.0.conv1` lies in `layer1.0`, which lies in `layer1`. Pure. */
import type { Shape } from '../../../api/types';
import type { Graph, GraphLayout } from './graph';
import { isJoin, type Join } from './joins';

export interface NestedLayer {
  name: string;
  type: string;
  shape: Shape;
  parameters: number;
  inputs: readonly string[];
}

/** What a folded module holds. */
export interface Folded {
  layers: number;
  joins: Record<Join, number>;
}

/** What is drawn of a network: layers, and modules that are folded into one node. */
export interface Nested {
  graph: Graph;
  /** For every node, its short name among its neighbours. */
  labels: ReadonlyMap<string, string>;
  folded: ReadonlyMap<string, Folded>;
  /** Open modules, outer ones first, with the nodes that lie in them. */
  open: readonly { path: string; depth: number; nodes: readonly string[] }[];
}

/** Networks of more layers than this begin with their modules folded. */
export const MAX_FLAT = 24;
/** Height in pixels of a row that names open modules. */
export const MODULE_ROW = 20;
/** Height of such a row on touch screens. */
export const TOUCHED_ROW = 44;

/** What parts the names of modules: dots in networks from PyTorch; `_` or `-` in recipes, whose names have no dots. */
export type Separator = '.' | '-' | '_';

/** Cached, since names are looked up often and there are as many as layers. */
const known = new Map<string, readonly string[]>();
const MAX_KNOWN = 4096;

/** The modules that a layer lies in, outer ones first: `a.b.c` lies in `a` and `a.b`. */
export function modulesOf(name: string, separator: Separator = '.'): readonly string[] {
  const key = separator + name;
  const before = known.get(key);
  if (before) return before;
  const modules: string[] = [];
  for (let at = name.indexOf(separator); at >= 0; at = name.indexOf(separator, at + 1))
    modules.push(name.slice(0, at));
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, modules);
  return modules;
}

/**
 * The separator of a network's names. `_` and `-` are taken for one only where the layers of every module follow each
 * other: `block1_conv1`, `block1_sum` are a module; `conv_1`, `relu_1`, `conv_2` are none.
 */
export function separatorOf(names: readonly string[]): Separator {
  if (names.some((name) => name.includes('.'))) return '.';
  return (['-', '_'] as const).find((separator) => areModules(names, separator)) ?? '.';
}

function areModules(names: readonly string[], separator: Separator): boolean {
  const layers = new Set(names);
  const lastOf = new Map<string, number>();
  let hasOne = false;
  for (const [at, name] of names.entries())
    for (const path of modulesOf(name, separator)) {
      const last = lastOf.get(path);
      if (layers.has(path) || (last !== undefined && last !== at - 1)) return false;
      if (last !== undefined) hasOne = true;
      lastOf.set(path, at);
    }
  return hasOne;
}

/**
 * Folds every module that is not open and has several layers. A layer is seen as the outermost folded module that it
 * lies in, or as itself. Modules of a single layer are never folded.
 */
export function nest(
  layers: readonly NestedLayer[],
  isOpen: (path: string) => boolean,
  separator: Separator = '.',
): Nested {
  const sizes = new Map<string, number>();
  for (const { name } of layers)
    for (const path of modulesOf(name, separator)) sizes.set(path, (sizes.get(path) ?? 0) + 1);
  const isFolded = (path: string) => (sizes.get(path) ?? 0) > 1 && !isOpen(path);
  const seenAs = new Map(layers.map(({ name }) => [name, modulesOf(name, separator).find(isFolded) ?? name]));

  const nodes = new Map<string, Graph['nodes'][number]>();
  const folded = new Map<string, Folded>();
  for (const layer of layers) {
    const name = seenAs.get(layer.name) ?? layer.name;
    if (name === layer.name) {
      nodes.set(name, layer);
      continue;
    }
    const inside = folded.get(name) ?? { layers: 0, joins: { add: 0, concat: 0, multiply: 0 } };
    inside.layers += 1;
    if (isJoin(layer.type)) inside.joins[layer.type] += 1;
    folded.set(name, inside);
    const parameters = (nodes.get(name)?.parameters ?? 0) + layer.parameters;
    // The output of its last layer is the module's.
    nodes.set(name, { name, type: 'module', shape: layer.shape, parameters });
  }

  const edges = new Map<string, { from: string; to: string }>();
  for (const layer of layers)
    for (const input of layer.inputs) {
      const [from, to] = [seenAs.get(input) ?? input, seenAs.get(layer.name) ?? layer.name];
      if (from !== to) edges.set(`${from} ${to}`, { from, to });
    }

  const openModules = new Map<string, string[]>();
  for (const name of nodes.keys())
    for (const path of modulesOf(name, separator)) {
      if ((sizes.get(path) ?? 0) < 2) continue;
      const inside = openModules.get(path);
      if (inside) inside.push(name);
      else openModules.set(path, [name]);
    }
  const open = [...openModules]
    .map(([path, inside]) => ({ path, depth: modulesOf(path, separator).length, nodes: inside }))
    .sort((a, b) => a.depth - b.depth);
  const labels = new Map(
    [...nodes.keys()].map((name) => {
      const around = modulesOf(name, separator)
        .filter((path) => openModules.has(path))
        .at(-1);
      return [name, around ? name.slice(around.length + 1) : name];
    }),
  );
  return { graph: { nodes: [...nodes.values()], edges: [...edges.values()] }, labels, folded, open };
}

/** The line over an open module: from which column to which, above which lane. */
export interface Bracket {
  path: string;
  label: string;
  first: number;
  last: number;
  lane: number;
  /** Row above the lane, 0 the uppermost. */
  row: number;
}

/** Lines over the open modules. A module in a branch is named above the branch; no two lie in one place. */
export function bracketsOf(
  open: Nested['open'],
  byName: GraphLayout['byName'],
  separator: Separator = '.',
): Bracket[] {
  const taken = new Map<string, Bracket[]>();
  const brackets = new Map<string, Bracket>();
  return open.map(({ path, nodes }) => {
    let [first, last, lane] = [Infinity, 0, Infinity];
    for (const name of nodes) {
      const node = byName.get(name);
      first = Math.min(first, node?.column ?? 0);
      last = Math.max(last, node?.column ?? 0);
      lane = Math.min(lane, node?.lane ?? 0);
    }
    // Below the modules around it that are named above the same lane.
    let row = 0;
    for (const outer of modulesOf(path, separator)) {
      const around = brackets.get(outer);
      if (around && around.lane === lane) row = Math.max(row, around.row + 1);
    }
    const isFree = (): boolean =>
      !(taken.get(`${lane} ${row}`) ?? []).some((one) => one.first <= last && first <= one.last);
    while (!isFree()) row += 1;
    const label = path.slice(path.lastIndexOf(separator) + 1);
    const bracket = { path, label, first, last, lane, row };
    brackets.set(path, bracket);
    taken.set(`${lane} ${row}`, [...(taken.get(`${lane} ${row}`) ?? []), bracket]);
    return bracket;
  });
}
