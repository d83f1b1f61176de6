// The similarity of the layers of two runs, as the views read it. Pure.
import type { LayerSimilarity, SimilarLayer } from '../../../api/types';

export interface ComparedLayers extends Pick<
  LayerSimilarity,
  'images' | 'cka' | 'cka_interval' | 'procrustes' | 'proposed'
> {
  /** Names of the layers. */
  a: string[];
  b: string[];
  features: Record<'a' | 'b', SimilarLayer[]>;
  /** Layers that were left out. */
  left_out: number;
}

export function comparedLayersOf(answer: LayerSimilarity): ComparedLayers {
  const { layers, ...measures } = answer;
  const names = (side: readonly SimilarLayer[]) => side.map(({ layer }) => layer);
  return {
    ...measures,
    a: names(layers.a),
    b: names(layers.b),
    features: { a: layers.a, b: layers.b },
    left_out: layers.left_out[0] + layers.left_out[1],
  };
}

/**
 * The layer of B to show beside one of A: the chosen one; of two networks of the same layers the same, which similarity
 * alone would not always find; else the proposed one, or one of the same name or depth.
 */
export function counterpart(
  layers: Pick<ComparedLayers, 'a' | 'b' | 'proposed'>,
  layer: string,
  chosen: string,
): string | null {
  if (layers.b.includes(chosen)) return chosen;
  const at = layers.a.indexOf(layer);
  if (at < 0 || !layers.b.length) return null;
  if (layers.a.length === layers.b.length && layers.a.every((name, n) => name === layers.b[n])) return layer;
  const proposed = layers.proposed[at];
  if (proposed !== null && layers.b[proposed] !== undefined) return layers.b[proposed];
  if (layers.b.includes(layer)) return layer;
  const share = at / Math.max(1, layers.a.length - 1);
  return layers.b[Math.round(share * (layers.b.length - 1))];
}
