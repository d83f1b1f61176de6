import { describe, expect, it } from 'vitest';
import { layout, type Node } from './graph';
import { bracketsOf, modulesOf, nest, separatorOf, type NestedLayer } from './nesting';

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

describe('names without dots', () => {
  it('are modules where the layers of each follow each other', () => {
    expect(separatorOf(['data', 'a.b', 'c_d'])).toBe('.');
    const residual = ['conv1', 'block1_conv1', 'block1_bn1', 'block1_sum', 'block2_conv1', 'block2_sum', 'fc'];
    expect(separatorOf(residual)).toBe('_');
    expect(modulesOf('block1_conv1', '_')).toEqual(['block1']);
    expect(separatorOf(['features-block1-conv', 'features-block1-relu_1', 'head'])).toBe('-');
    // None of these are modules: not in a row, named as a layer is, of a single layer.
    expect(separatorOf(['conv_1', 'relu_1', 'conv_2', 'relu_2'])).toBe('.');
    expect(separatorOf(['relu', 'relu_1', 'relu_2'])).toBe('.');
    expect(separatorOf(['conv_1', 'fc'])).toBe('.');
  });

  it('fold as others do', () => {
    const named = [
      layer('conv1'),
      layer('b_conv', 'conv1'),
      { ...layer('b_sum', 'b_conv', 'conv1'), type: 'add' },
    ];
    const { graph, folded } = nest(named, () => false, '_');
    expect(graph.nodes.map((node) => node.name)).toEqual(['conv1', 'b']);
    expect(folded.get('b')).toEqual({ layers: 2, joins: { add: 1, concat: 0, multiply: 0 } });
  });
});

describe('the names of open modules', () => {
  const at = (name: string, column: number, lane: number) => [name, { column, lane }] as const;
  const byName = new Map(
    [at('m.a.x', 1, 0), at('m.a.y', 2, 0), at('m.b.x', 1, 1), at('m.b.y', 2, 1), at('n.x', 3, 0)].map(
      ([name, place]) => [name, place as Node],
    ),
  );
  const open = [
    { path: 'm', depth: 0, nodes: ['m.a.x', 'm.a.y', 'm.b.x', 'm.b.y'] },
    { path: 'n', depth: 0, nodes: ['n.x'] },
    { path: 'm.a', depth: 1, nodes: ['m.a.x', 'm.a.y'] },
    { path: 'm.b', depth: 1, nodes: ['m.b.x', 'm.b.y'] },
  ];
  it('stand above their own lane, below the modules around them there', () => {
    const places = bracketsOf(open, byName).map(({ path, lane, row }) => [path, lane, row]);
    expect(places).toEqual([
      ['m', 0, 0],
      ['n', 0, 0],
      ['m.a', 0, 1],
      ['m.b', 1, 0],
    ]);
  });
});
