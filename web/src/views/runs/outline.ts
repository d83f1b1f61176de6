// A network as a row of bars: as high as its maps are large, as wide as it has channels. Pure.
import type { OutlineLayer } from '../../api/types';

/** More are summed up, several to a bar. */
const MAX_BARS = 40;
const GAP = 1;

interface Bar {
  channels: number;
  size: number;
}

function barsOf(layers: readonly OutlineLayer[]): Bar[] {
  const weighted = layers.filter((layer) => layer.weights);
  const shown = (weighted.length ? weighted : layers).map((layer) => ({
    channels: Math.max(1, layer.shape.channels),
    size: Math.max(1, layer.shape.height, layer.shape.width),
  }));
  const each = Math.ceil(shown.length / MAX_BARS);
  if (each <= 1) return shown;
  return Array.from({ length: Math.ceil(shown.length / each) }, (_, at) => {
    const part = shown.slice(at * each, (at + 1) * each);
    return {
      channels: Math.max(...part.map((bar) => bar.channels)),
      size: Math.max(...part.map((bar) => bar.size)),
    };
  });
}

/** The path of the bars in a box, all of one middle line; empty without layers. */
export function outlinePath(layers: readonly OutlineLayer[], width: number, height: number): string {
  const bars = barsOf(layers);
  if (!bars.length) return '';
  const largest = Math.log2(1 + Math.max(...bars.map((bar) => bar.size)));
  const shares = bars.map((bar) => Math.sqrt(bar.channels));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const room = width - GAP * (bars.length - 1) - bars.length;
  let x = 0;
  return bars
    .map((bar, at) => {
      const wide = 1 + (room * shares[at]) / whole;
      const tall = Math.max(2, (height * Math.log2(1 + bar.size)) / largest);
      const path = `M${x.toFixed(1)},${((height - tall) / 2).toFixed(1)}h${wide.toFixed(1)}v${tall.toFixed(1)}h${(-wide).toFixed(1)}z`;
      x += wide + GAP;
      return path;
    })
    .join('');
}

const TYPES: Record<string, string> = { fc: 'fully connected', local: 'locally connected' };

/** `5 conv, 1 fully connected`: the layers with weights by their type. */
export function outlineWords(layers: readonly OutlineLayer[]): string {
  const counts = new Map<string, number>();
  for (const { type, weights } of layers) if (weights) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, many]) => `${many} ${TYPES[type] ?? type}`).join(', ');
}
