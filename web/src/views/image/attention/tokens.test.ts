import { describe, expect, test } from 'vitest';
import type { Layer } from '../../../api/types';
import {
  attentionLayers,
  attentionOf,
  drawnWeights,
  frameOf,
  inGrid,
  keyWords,
  largest,
  moveToken,
  queryOf,
  shownLayers,
  tileOf,
  tokenAt,
  tokenFrom,
  tokenText,
  tokenWords,
  type AttentionLayer,
  type TokenGrid,
} from './tokens';

const layer = (name: string, type: string, shape: [number, number, number], inputs: string[]) =>
  ({
    name,
    type,
    inputs,
    shape: { channels: shape[0], height: shape[1], width: shape[2] },
  }) as Layer;

/** Four patches after a class token; two heads. */
const VIT = [
  layer('q', 'slice', [4, 2, 2], ['qkv']),
  layer('k', 'slice', [4, 2, 2], ['qkv']),
  layer('attn.attention_weights', 'attention_weights', [2, 5, 5], ['q', 'k']),
];
const GRID: TokenGrid = { learnt: 1, rows: 2, columns: 2 };
const [ATTENTION] = attentionLayers(VIT);

describe('layers of attention weights', () => {
  test('have the grid of what they come from, after learnt tokens', () => {
    expect(attentionLayers(VIT)).toMatchObject([
      { heads: 2, queries: 5, keys: 5, queryGrid: GRID, keyGrid: GRID },
    ]);
  });

  test('of a worker are told by their name, and have one input', () => {
    const layers = [
      layer('norm', 'external', [64, 4, 4], ['data']),
      layer('attn.attention_weights', 'external', [4, 16, 16], ['norm']),
      layer('attn.attention_weights_2', 'external', [4, 17, 17], ['norm']),
      layer('attn.out', 'external', [64, 4, 4], ['norm']),
    ];
    expect(attentionLayers(layers).map(({ layer, keyGrid }) => [layer.name, keyGrid.learnt])).toEqual([
      ['attn.attention_weights', 0],
      ['attn.attention_weights_2', 1],
    ]);
  });

  test('whose keys are no map of the image are left out', () => {
    const layers = [
      layer('q', 'conv', [4, 1, 1], ['data']),
      layer('k', 'conv', [4, 2, 2], ['data']),
      layer('list', 'transpose', [4, 9, 1], ['data']),
      layer('pool', 'attention_weights', [2, 1, 4], ['q', 'k']),
      layer('of a list', 'attention_weights', [2, 9, 9], ['list', 'list']),
      layer('other size', 'attention_weights', [2, 3, 3], ['k', 'k']),
    ];
    expect(attentionLayers(layers)).toMatchObject([
      { layer: { name: 'pool' }, queryGrid: null, keyGrid: { learnt: 0, rows: 2, columns: 2 } },
    ]);
  });

  test('are all shown where they are small, the last where they are not, or the chosen one', () => {
    const large = (name: string): AttentionLayer => ({
      ...ATTENTION,
      layer: layer(name, 'attention_weights', [12, 785, 785], []),
      heads: 12,
      queries: 785,
      keys: 785,
    });
    const names = (layers: AttentionLayer[]) => layers.map((one) => one.layer.name);
    expect(names(shownLayers([ATTENTION, ATTENTION], ''))).toHaveLength(2);
    expect(names(shownLayers([large('a'), large('b')], ''))).toEqual(['b']);
    expect(names(shownLayers([large('a'), large('b')], 'a'))).toEqual(['a']);
    expect(names(shownLayers([ATTENTION], 'gone'))).toEqual([ATTENTION.layer.name]);
  });
});

describe('the token', () => {
  test('is the class token at first, or the mean over queries without one', () => {
    expect(tokenFrom('', GRID)).toEqual({ learnt: 0 });
    expect(tokenFrom('', { ...GRID, learnt: 0 })).toBe('mean');
    expect(tokenFrom('', null)).toBe('mean');
  });

  test('goes into the address and comes back', () => {
    const frame = { learnt: 2, rows: 3, columns: 4 };
    for (const token of ['mean', { learnt: 0 }, { learnt: 1 }, { row: 2, column: 3 }] as const)
      expect(tokenFrom(tokenText(token), frame)).toEqual(token);
    expect(tokenText({ row: 2, column: 3 })).toBe('2,3');
  });

  test('that the network does not have is the default', () => {
    for (const text of ['3,0', '0,2', 'learnt1', 'x', '1', '-1,0'])
      expect(tokenFrom(text, GRID)).toEqual({ learnt: 0 });
  });

  test('lies under a place of the image', () => {
    expect(tokenAt(GRID, 0.6, 0.1)).toEqual({ row: 0, column: 1 });
    expect(tokenAt(GRID, 0.99, 0.99)).toEqual({ row: 1, column: 1 });
    expect([tokenAt(GRID, 1, 0), tokenAt(GRID, 0, -0.1)]).toEqual([null, null]);
  });

  test('is moved by keys, over the class token', () => {
    const move = (token: Parameters<typeof moveToken>[0], key: string) => moveToken(token, key, GRID);
    expect(move('mean', 'ArrowDown')).toEqual({ row: 0, column: 0 });
    expect(move({ learnt: 0 }, 'ArrowDown')).toEqual({ row: 0, column: 0 });
    expect(move({ learnt: 0 }, 'ArrowLeft')).toEqual({ learnt: 0 });
    expect(move({ row: 0, column: 0 }, 'ArrowLeft')).toEqual({ learnt: 0 });
    expect(move({ row: 0, column: 1 }, 'ArrowUp')).toEqual({ learnt: 0 });
    expect(move({ row: 0, column: 1 }, 'ArrowRight')).toEqual({ row: 1, column: 0 });
    expect(move({ row: 0, column: 1 }, 'ArrowDown')).toEqual({ row: 1, column: 1 });
    expect(move({ row: 1, column: 1 }, 'ArrowDown')).toEqual({ row: 1, column: 1 });
    expect(move({ learnt: 0 }, 'End')).toEqual({ row: 1, column: 1 });
    expect(move({ row: 1, column: 1 }, 'Home')).toEqual({ row: 0, column: 0 });
    expect(move('mean', 'Enter')).toBeNull();
    expect(moveToken({ row: 0, column: 1 }, 'ArrowUp', { ...GRID, learnt: 0 })).toEqual({ row: 0, column: 1 });
  });

  test('is another one in a coarser layer', () => {
    const coarse: AttentionLayer = { ...ATTENTION, queries: 4, queryGrid: { learnt: 0, rows: 2, columns: 2 } };
    const fine: AttentionLayer = { ...ATTENTION, queries: 17, queryGrid: { learnt: 1, rows: 4, columns: 4 } };
    const frame = frameOf([coarse, fine]);
    expect(frame).toEqual({ learnt: 1, rows: 4, columns: 4 });
    expect(inGrid({ row: 3, column: 1 }, { rows: 4, columns: 4 }, { rows: 2, columns: 2 })).toEqual([1, 0]);
    expect(queryOf(coarse, { row: 3, column: 1 }, frame!)).toBe(2);
    expect(queryOf(fine, { row: 3, column: 1 }, frame!)).toBe(14);
    expect(queryOf(coarse, { learnt: 0 }, frame!)).toBeNull();
    expect(queryOf(fine, 'mean', frame!)).toBeNull();
  });

  test('has a name', () => {
    expect([0, 1, 4].map((key) => keyWords(GRID, key))).toEqual([
      'class token',
      'row 0, column 0',
      'row 1, column 1',
    ]);
    expect(tokenWords({ learnt: 1 })).toBe('learnt token 1');
  });
});

describe('what a token attends to', () => {
  // Head 0 gives all to the query itself, head 1 the same to every key.
  const data = new Float32Array(50);
  for (let q = 0; q < 5; q += 1) {
    data[q * 5 + q] = 1;
    data.fill(0.2, 25 + q * 5, 25 + q * 5 + 5);
  }
  const rounded = (given: Float32Array) => Array.from(given, (weight) => Number(weight.toFixed(4)));

  test('is given by head, the mean over heads first', () => {
    expect(attentionOf(ATTENTION, data, 2).map(rounded)).toEqual([
      [0.1, 0.1, 0.6, 0.1, 0.1],
      [0, 0, 1, 0, 0],
      [0.2, 0.2, 0.2, 0.2, 0.2],
    ]);
  });

  test('or is the mean over all queries', () => {
    expect(attentionOf(ATTENTION, data, null).map(rounded)).toEqual(Array(3).fill(Array(5).fill(0.2)));
  });

  test('has a largest weight, and is drawn without the learnt tokens', () => {
    expect(largest(Float32Array.of(NaN, 0.25, 0.5, NaN))).toEqual({ key: 2, weight: 0.5 });
    expect(largest(Float32Array.of(NaN)).weight).toBeNaN();
    expect(drawnWeights(GRID, Float32Array.of(0.5, 0.25, NaN, 0, 0.25))).toEqual([0.25, null, 0, 0.25]);
  });

  test('stands in one row where there is room', () => {
    const sizes = [96, 128, 160].map((width) => ({ width }));
    expect(tileOf(sizes, 5, 700).width).toBe(128);
    expect(tileOf(sizes, 13, 700).width).toBe(96);
  });
});
