/** The network as a table: every layer with what it takes and what takes its output. Pure. */
import type { Layer } from '../../../api/types';
import type { Table } from '../../../state/exportData';
import { shortShape } from '../data';

type Row = Pick<Layer, 'name' | 'type' | 'shape' | 'parameters' | 'inputs'>;

export function networkTable(layers: readonly Row[]): Table {
  const outputs = new Map<string, string[]>(layers.map(({ name }) => [name, []]));
  const channels = new Map(layers.map(({ name, shape }) => [name, shape.channels]));
  for (const { name, inputs } of layers) for (const input of inputs) outputs.get(input)?.push(name);
  return {
    name: 'Network',
    head: ['layer', 'type', 'output', 'parameters', 'inputs', 'channels of the inputs', 'outputs'],
    rows: layers.map((layer) => [
      layer.name,
      layer.type,
      shortShape(layer.shape),
      layer.parameters,
      layer.inputs.join(', '),
      layer.inputs.map((input) => channels.get(input) ?? '?').join(' + '),
      (outputs.get(layer.name) ?? []).join(', '),
    ]),
  };
}
