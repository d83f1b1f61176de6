/**
 * Units that are switched off (ablated: their outputs are set to zero), as the address and the REST interface name them:
 * `conv1:2,5;fc64:39`. Pure.
 */
import type { Layer } from '../api/types';
import { formatCount } from '../base/format';

export interface OffUnit {
  layer: string;
  filter: number;
}

type Known = Pick<Layer, 'name' | 'inputs' | 'shape' | 'weight_shape'>;

/** Limit of units that an address can name. */
const MAX_UNITS = 4096;

/** Reads `fc64:39;conv1:2,5-7`; what cannot be read is left out. */
export function parseOff(text: string): OffUnit[] {
  const units: OffUnit[] = [];
  for (const part of text.split(';')) {
    const at = part.lastIndexOf(':');
    if (at < 1) continue;
    for (const range of part.slice(at + 1).split(',')) {
      const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(range.trim());
      if (!match) continue;
      const to = Number(match[2] ?? match[1]);
      for (let filter = Number(match[1]); filter <= to && units.length < MAX_UNITS; filter += 1)
        units.push({ layer: part.slice(0, at).trim(), filter });
    }
  }
  return units;
}

/** The units by layer, each once, layers in the order in which they are named first. */
export function formatOff(units: readonly OffUnit[]): string {
  const layers = new Map<string, Set<number>>();
  for (const { layer, filter } of units) layers.set(layer, (layers.get(layer) ?? new Set()).add(filter));
  return [...layers]
    .map(([layer, filters]) => `${layer}:${[...filters].sort((a, b) => a - b).join(',')}`)
    .join(';');
}

export const isUnitOff = (units: readonly OffUnit[], unit: OffUnit): boolean =>
  units.some((one) => one.layer === unit.layer && one.filter === unit.filter);

/** The units with one added, or removed where it was among them. */
export const toggleOff = (units: readonly OffUnit[], unit: OffUnit): OffUnit[] =>
  isUnitOff(units, unit)
    ? units.filter((one) => one.layer !== unit.layer || one.filter !== unit.filter)
    : [...units, unit];

/** Layers whose units can be switched off: those with weights by filter, but for the one whose outputs are the classes. */
export function switchableLayers(layers: readonly Known[], classes: number): string[] {
  const weighted = layers.filter((layer) => (layer.weight_shape?.length ?? 0) >= 2);
  const last = weighted.at(-1);
  const { channels = 0, height = 0, width = 0 } = last?.shape ?? {};
  const isLogits = channels === classes && height * width === 1;
  return (isLogits ? weighted.slice(0, -1) : weighted).map((layer) => layer.name);
}

/**
 * The unit that is switched off where a unit of any layer is shown: its own, or, of a rectifier or a pool, that of the
 * layer with weights before it; null where there is none.
 */
export function switchOf(layers: readonly Known[], unit: OffUnit, classes: number): OffUnit | null {
  const switchable = new Set(switchableLayers(layers, classes));
  let at = layers.find((layer) => layer.name === unit.layer);
  const channels = at?.shape.channels;
  while (at && !switchable.has(at.name)) {
    const [input] = at.inputs;
    if (at.inputs.length !== 1 || (at.weight_shape?.length ?? 0) >= 2) return null;
    at = layers.find((layer) => layer.name === input && layer.shape.channels === channels);
  }
  return at && unit.filter < at.shape.channels ? { layer: at.name, filter: unit.filter } : null;
}

/** `unit 39 of fc64 is off`; of many their number. `isFlat`: the layer has one output per unit, no map. */
export function offWords(units: readonly OffUnit[], isFlat: (layer: string) => boolean): string {
  const word = (layer: string) => (isFlat(layer) ? 'unit' : 'filter');
  if (units.length === 1) return `${word(units[0].layer)} ${units[0].filter} of ${units[0].layer} is off`;
  if (units.length > 3) return `${formatCount(units.length)} units are off`;
  return `${units.map(({ layer, filter }) => `${layer} ${filter}`).join(', ')} are off`;
}
