/** The line between two layers of the network strip. Pure. */
import { linkHorizontal } from 'd3-shape';

type Point = [x: number, y: number];
const bend = linkHorizontal<unknown, Point>();

/** Straight between neighbours in a lane, else bent: what lies between is passed above or below. */
export function edgePath(from: Point, to: Point, areNeighbours: boolean): string {
  if (from[1] === to[1] && areNeighbours) return `M${from[0]},${from[1] + 0.5}H${to[0]}`;
  return bend({ source: [from[0], from[1] + 0.5], target: [to[0], to[1] + 0.5] }) ?? '';
}
