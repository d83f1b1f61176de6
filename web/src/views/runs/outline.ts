// A network as a row of bars, one per layer: height by the size of its maps, width by its channels. Pure.
import type { OutlineLayer } from '../../api/types';

/** Of more layers several share a bar. */
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

/** The SVG path of the bars in a box, centred on one line; empty without layers. */
export function outlinePath(layers: readonly OutlineLayer[], width: number, height: number): string {
  const bars = barsOf(layers);
  if (!bars.length) return '';
  const largest = Math.log2(1 + Math.max(...bars.map((bar) => bar.size)));
  const shares = bars.map((bar) => Math.sqrt(bar.channels));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const barsWidth = width - GAP * (bars.length - 1) - bars.length;
  let x = 0;
  return bars
    .map((bar, at) => {
      const barWidth = 1 + (barsWidth * shares[at]) / whole;
      const barHeight = Math.max(2, (height * Math.log2(1 + bar.size)) / largest);
      const path = `M${x.toFixed(1)},${((height - barHeight) / 2).toFixed(1)}h${barWidth.toFixed(1)}v${barHeight.toFixed(1)}h${(-barWidth).toFixed(1)}z`;
      x += barWidth + GAP;
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
