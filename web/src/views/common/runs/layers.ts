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
