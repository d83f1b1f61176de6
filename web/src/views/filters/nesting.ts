/** Layers grouped by the modules that their names stand for: `layer1.0.conv1` lies in `layer1.0`, which lies in `layer1`. Pure. */
import type { Shape } from '../../api/types';
import type { Graph } from './graph';

export interface NestedLayer {
  name: string;
  type: string;
  shape: Shape;
  parameters: number;
  inputs: readonly string[];
}

/** What is drawn of a network: layers, and modules that are folded into one node. */
export interface Nested {
  graph: Graph;
  /** Of every node, what it is called beside its neighbours. */
  labels: ReadonlyMap<string, string>;
  /** Of every folded module its number of layers. */
  folded: ReadonlyMap<string, number>;
  /** Open modules, outer ones first, with the nodes that lie in them. */
  open: readonly { path: string; depth: number; nodes: readonly string[] }[];
}

/** Networks of more layers than this begin with their modules folded. */
export const MOST_FLAT = 24;
/** Height in pixels of a row that names open modules. */
export const MODULE_ROW = 20;

/** Names are asked for again and again, and there are as many as layers. */
const known = new Map<string, readonly string[]>();
const MOST_KNOWN = 4096;

/** The modules that a layer lies in, outer ones first: `a.b.c` lies in `a` and `a.b`. */
export function modulesOf(name: string): readonly string[] {
  const before = known.get(name);
  if (before) return before;
  const modules: string[] = [];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
    modules.push(name.slice(0, dot));
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(name, modules);
  return modules;
}

/**
 * Folds every module that is not open and has several layers. A layer is seen as the outermost folded module that it
 * lies in, or as itself. Modules of a single layer are never folded.
 */
export function nest(layers: readonly NestedLayer[], isOpen: (path: string) => boolean): Nested {
  const sizes = new Map<string, number>();
  for (const { name } of layers)
    for (const path of modulesOf(name)) sizes.set(path, (sizes.get(path) ?? 0) + 1);
  const isFolded = (path: string) => (sizes.get(path) ?? 0) > 1 && !isOpen(path);
  const seenAs = new Map(layers.map(({ name }) => [name, modulesOf(name).find(isFolded) ?? name]));

  const nodes = new Map<string, Graph['nodes'][number]>();
  const folded = new Map<string, number>();
  for (const layer of layers) {
    const name = seenAs.get(layer.name) ?? layer.name;
    if (name === layer.name) {
      nodes.set(name, layer);
      continue;
    }
    folded.set(name, (folded.get(name) ?? 0) + 1);
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
    for (const path of modulesOf(name)) {
      if ((sizes.get(path) ?? 0) < 2) continue;
      const inside = openModules.get(path);
      if (inside) inside.push(name);
      else openModules.set(path, [name]);
    }
  const open = [...openModules]
    .map(([path, inside]) => ({ path, depth: modulesOf(path).length, nodes: inside }))
    .sort((a, b) => a.depth - b.depth);
  const labels = new Map(
    [...nodes.keys()].map((name) => {
      const around = modulesOf(name)
        .filter((path) => openModules.has(path))
        .at(-1);
      return [name, around ? name.slice(around.length + 1) : name];
    }),
  );
  return { graph: { nodes: [...nodes.values()], edges: [...edges.values()] }, labels, folded, open };
}

/** The line over an open module: from which column to which. */
export interface Bracket {
  path: string;
  label: string;
  depth: number;
  first: number;
  last: number;
}

export function bracketsOf(open: Nested['open'], columnOf: ReadonlyMap<string, number>): Bracket[] {
  return open.map(({ path, depth, nodes }) => {
    const columns = nodes.map((name) => columnOf.get(name) ?? 0);
    const label = path.slice(path.lastIndexOf('.') + 1);
    return { path, label, depth, first: Math.min(...columns), last: Math.max(...columns) };
  });
}
