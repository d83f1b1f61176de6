import { describe, expect, it } from 'vitest';
import { layout } from './graph';
import { modulesOf, nest, type NestedLayer } from './nesting';

const layer = (name: string, ...inputs: string[]): NestedLayer => ({
  name,
  type: 'conv',
  shape: { channels: 8, height: 4, width: 4 },
  parameters: 10,
  inputs,
});
const layers = [
  layer('data'),
  layer('conv1', 'data'),
  layer('layer1.0.conv1', 'conv1'),
  layer('layer1.0.relu', 'layer1.0.conv1'),
  layer('layer1.0.add', 'layer1.0.relu', 'conv1'),
  layer('layer1.1.conv1', 'layer1.0.add'),
  layer('head.fc', 'layer1.1.conv1'),
];

describe('nest', () => {
  it('names the modules around a layer', () => {
    expect(modulesOf('a.b.c')).toEqual(['a', 'a.b']);
    expect(modulesOf('fc')).toEqual([]);
  });

  it('folds a module into one node with its parameters, and joins its edges', () => {
    const { graph, folded } = nest(layers, () => false);
    expect(graph.nodes.map((node) => node.name)).toEqual(['data', 'conv1', 'layer1', 'head.fc']);
    expect(graph.nodes[2].parameters).toBe(40);
    expect([...folded]).toEqual([['layer1', { layers: 4, joins: { add: 0, concat: 0, multiply: 0 } }]]);
    expect(graph.edges).toEqual([
      { from: 'data', to: 'conv1' },
      { from: 'conv1', to: 'layer1' },
      { from: 'layer1', to: 'head.fc' },
    ]);
  });

  it('opens one module and leaves the ones inside folded', () => {
    const { graph, labels, open } = nest(layers, (path) => path === 'layer1');
    expect(graph.nodes.map((node) => node.name)).toEqual([
      'data',
      'conv1',
      'layer1.0',
      'layer1.1.conv1',
      'head.fc',
    ]);
    expect(labels.get('layer1.0')).toBe('0');
    expect(labels.get('layer1.1.conv1')).toBe('1.conv1');
    expect(labels.get('head.fc')).toBe('head.fc');
    expect(open).toEqual([{ path: 'layer1', depth: 0, nodes: ['layer1.0', 'layer1.1.conv1'] }]);
  });

  it('shows every layer where all modules are open', () => {
    const { graph, folded } = nest(layers, () => true);
    expect(graph.nodes.map((node) => node.name)).toEqual(layers.map((one) => one.name));
    expect(folded.size).toBe(0);
  });

  it('lays out 2,000 layers in a row at once', () => {
    const many = Array.from({ length: 2000 }, (_, i) => layer(`m${i}`, ...(i ? [`m${i - 1}`] : [])));
    const drawn = layout(nest(many, () => true).graph);
    expect(drawn.columns).toBe(2000);
    expect(drawn.lanes).toBe(1);
  });
});
