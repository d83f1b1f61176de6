/** What a token attends to as tables, one for each layer. Pure. */
import type { Row, Table } from '../../../state/exportData';
import type { AttentionAt } from './attentionMaps.svelte';
import { attentionOf, keyWords, queryOf, tokenWords, type Token, type TokenGrid } from './tokens';

/** Weights have single precision: further digits say nothing. Those that are not finite are absent. */
const valueOf = (weight: number): number | null =>
  Number.isFinite(weight) ? Number(weight.toPrecision(7)) : null;

/** The token of the largest mean weight over the heads first; learnt tokens have no place in the image. */
export function attentionTables(layers: AttentionAt['layers'], token: Token, frame: TokenGrid | null): Table[] {
  return layers.map(({ of, data }) => {
    const query = frame ? queryOf(of, token, frame) : null;
    const given = attentionOf(of, data, query);
    const { learnt, columns } = of.keyGrid;
    const keys = Array.from(given[0], (weight, key) => ({ key, weight: valueOf(weight) ?? -1 }));
    const rows = keys
      .sort((a, b) => b.weight - a.weight || a.key - b.key)
      .map(({ key }): Row => {
        const place = key - learnt;
        const at = place < 0 ? [null, null] : [Math.floor(place / columns), place % columns];
        return [keyWords(of.keyGrid, key), ...at, ...given.map((weights) => valueOf(weights[key]))];
      });
    // The name has no token in it: the table stays chosen while tokens change.
    return {
      name: `Attention, ${of.layer.name}`,
      head: [
        query === null ? 'attended to, mean over queries' : `attended to by ${tokenWords(token)}`,
        'row',
        'column',
        'mean',
        ...Array.from({ length: of.heads }, (_, head) => `head ${head}`),
      ],
      rows,
    };
  });
}
