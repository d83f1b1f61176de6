/** The connections of a network that are drawn: visible ones, and those of a layer. Pure. */
import type { Edge, GraphLayout } from './graph';
import type { Routes } from './routes';

export interface Line {
  id: string;
  d: string;
  /** A single level line, drawn on whole pixels. */
  isLevel: boolean;
  isBack: boolean;
}

/** The visible columns. */
export interface Viewport {
  from: number;
  to: number;
}

/** Whether all connections stay in a single lane, so that none has to be distinguished. */
export const isChain = (layout: GraphLayout): boolean => layout.lanes === 1 && layout.rails.length === 0;

type Choice = (from: string, to: string) => boolean;

/** The visible connections that `choice` accepts; all visible ones where it is null. */
export function linesOf(
  layout: GraphLayout,
  routes: Routes,
  viewport: Viewport,
  choice: Choice | null,
): Line[] {
  const isSeen = ({ from, to }: Edge): boolean => to.column >= viewport.from && from.column <= viewport.to;
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
    const d = routes.rail(rail, joins, taps, viewport.from, viewport.to);
    if (d) lines.push({ id: `rail ${rail.id}`, d, isLevel: false, isBack: rail.isBack });
  }
  return lines;
}
