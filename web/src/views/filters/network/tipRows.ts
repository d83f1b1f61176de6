/** The words of the tooltip over a layer of the network strip. Pure. */
import type { Layer } from '../../../api/types';
import { plural } from '../../../base/format';
import type { Tip } from '../../common/tip.svelte';
import { shortShape } from '../data';
import type { Node } from './graph';
import { countWords, isJoin } from './joins';
import type { Folded } from './nesting';

const MAX_INPUTS = 6;

interface Known {
  layers: ReadonlyMap<string, Pick<Layer, 'inputs' | 'shape'>>;
  /** The layers inside, for a folded module. */
  inside: Folded | null;
}

export function tipRows(node: Pick<Node, 'name' | 'type' | 'shape' | 'parameters'>, known: Known): Tip['rows'] {
  const { layers, inside } = known;
  const rows: Tip['rows'] = [];
  if (inside) {
    rows.push([plural(inside.layers, 'layer'), 'click to open']);
    const joined = countWords(inside.joins);
    if (joined) rows.push(['inside', joined]);
  }
  rows.push(['', node.type]);
  const inputs = isJoin(node.type) ? (layers.get(node.name)?.inputs ?? []) : [];
  for (const name of inputs.slice(0, MAX_INPUTS)) {
    const input = layers.get(name);
    rows.push(['input', input ? `${name}, ${shortShape(input.shape)}` : name]);
  }
  if (inputs.length > MAX_INPUTS) rows.push(`and ${plural(inputs.length - MAX_INPUTS, 'more input')}`);
  rows.push(['output', shortShape(node.shape)]);
  if (node.parameters) rows.push(['', plural(node.parameters, 'parameter')]);
  return rows;
}
