/** What is drawn of the connections of a network: those in sight, and those that lead to a layer. Pure. */
import type { Edge, GraphLayout } from './graph';
import type { Routes } from './routes';

export interface Line {
  id: string;
  d: string;
  /** A single level line, drawn on whole pixels. */
  isLevel: boolean;
  isBack: boolean;
}

/** Columns in sight. */
export interface Sight {
  from: number;
  to: number;
}

/** True where no connection leaves the one lane: nothing has to be told apart. */
export const isChain = (layout: GraphLayout): boolean => layout.lanes === 1 && layout.rails.length === 0;

type Choice = (from: string, to: string) => boolean;

/** The connections that are chosen, in sight. */
export function linesOf(layout: GraphLayout, routes: Routes, sight: Sight, choice: Choice | null): Line[] {
  const isSeen = ({ from, to }: Edge): boolean => to.column >= sight.from && from.column <= sight.to;
  const lines = layout.edges
    .filter((edge) => isSeen(edge) && (choice === null || choice(edge.from.name, edge.to.name)))
    .map(({ from, to, way }) => ({
      id: `${from.name} ${to.name}`,
      d: routes.edge(from, to, way),
      isLevel: from.lane === to.lane,
      isBack: false,
    }));
  for (const rail of layout.rails) {
    let { joins, taps } = rail;
    if (choice !== null) {
      taps = taps.filter((tap) => joins.some((join) => choice(join, tap)));
      joins = joins.filter((join) => taps.some((tap) => choice(join, tap)));
    }
    const d = routes.rail(rail, joins, taps, sight.from, sight.to);
    if (d) lines.push({ id: `rail ${rail.id}`, d, isLevel: false, isBack: rail.isBack });
  }
  return lines;
}
