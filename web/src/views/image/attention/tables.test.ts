import { expect, test } from 'vitest';
import type { Layer } from '../../../api/types';
import { attentionTables } from './tables';
import type { AttentionLayer, TokenGrid } from './tokens';

const GRID: TokenGrid = { learnt: 1, rows: 2, columns: 2 };
/** Four patches after a class token; two heads. */
const of: AttentionLayer = {
  layer: { name: 'attn' } as Layer,
  heads: 2,
  queries: 5,
  keys: 5,
  queryGrid: GRID,
  keyGrid: GRID,
};
// Head 0 gives all to the query itself, head 1 the same to every key.
const data = new Float32Array(50);
for (let q = 0; q < 5; q += 1) {
  data[q * 5 + q] = 1;
  data.fill(0.2, 25 + q * 5, 25 + q * 5 + 5);
}

test('list every token, the largest mean weight first, the class token without a place', () => {
  const [table] = attentionTables([{ of, data }], { row: 1, column: 0 }, GRID);
  expect(table).toEqual({
    name: 'Attention, attn',
    head: ['attended to by row 1, column 0', 'row', 'column', 'mean', 'head 0', 'head 1'],
    rows: [
      ['row 1, column 0', 1, 0, 0.6, 1, 0.2],
      ['class token', null, null, 0.1, 0, 0.2],
      ['row 0, column 0', 0, 0, 0.1, 0, 0.2],
      ['row 0, column 1', 0, 1, 0.1, 0, 0.2],
      ['row 1, column 1', 1, 1, 0.1, 0, 0.2],
    ],
  });
});

test('are means over the queries where none is chosen, or the layer lacks the token', () => {
  const without = { ...of, queryGrid: { learnt: 0, rows: 2, columns: 2 }, queries: 4 };
  const tables = [
    attentionTables([{ of, data }], 'mean', GRID)[0],
    attentionTables([{ of, data }], 'mean', null)[0],
    attentionTables([{ of: without, data: data.slice(0, 40) }], { learnt: 0 }, GRID)[0],
  ];
  expect(tables.map(({ head }) => head[0])).toEqual(Array(3).fill('attended to, mean over queries'));
  expect(tables[0].rows.map((row) => row[3])).toEqual(Array(5).fill(0.2));
});

test('have weights that are no numbers last, as missing values', () => {
  const damaged = data.slice();
  damaged[0] = NaN;
  const [{ rows }] = attentionTables([{ of, data: damaged }], { learnt: 0 }, GRID);
  expect(rows[4]).toEqual(['class token', null, null, null, null, 0.2]);
});
