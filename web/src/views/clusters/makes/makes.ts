// Captions and slices in words and numbers. Pure: no DOM, no requests.
import type { ClusterCaption, ClusterOverlap, Slice } from '../../../api/types';
import { formatCount, fixed, percent, signed } from '../../../base/format';

/** What a cluster is compared with: all other images, or the images of its class in other clusters. */
export type Against = 'rest' | 'class';

/** The condition of a slice, as captions give it. */
export type SliceKey = Pick<ClusterCaption, 'subject' | 'name' | 'side'> & { threshold: number | null };

const SEPARATOR = '~';
/** What the property `background` was called; links with it are still read, for one version. */
const OLD_BACKGROUND = 'ground';
/** Digits of a threshold in the address: what is shown is what is cut at. */
const THRESHOLD_DIGITS = 4;

export function sliceOf(caption: ClusterCaption): SliceKey {
  const { subject, name, side, threshold } = caption;
  const rounded = threshold === null ? null : Number(threshold.toPrecision(THRESHOLD_DIGITS));
  return { subject, name, side, threshold: rounded };
}

/** A slice as text for the address; the name comes last, because it may contain any character. */
export const sliceText = ({ subject, name, side, threshold }: SliceKey): string =>
  [subject, side, threshold ?? '', name].join(SEPARATOR);

/** Parses a slice of the address; null for other text. */
export function sliceFromText(text: string): SliceKey | null {
  const [subject, side, threshold, ...name] = text.split(SEPARATOR);
  if (subject !== 'property' && subject !== 'word' && subject !== 'class') return null;
  if ((side !== 'above' && side !== 'below') || !name.length || !name[0]) return null;
  const value = threshold === '' ? null : Number(threshold);
  if (subject === 'property' ? value === null || !Number.isFinite(value) : value !== null) return null;
  const found = name.join(SEPARATOR);
  const isOld = subject === 'property' && found === OLD_BACKGROUND;
  return { subject, name: isOld ? 'background' : found, side, threshold: value };
}

/** True for the caption that a slice was made from, here or at another checkpoint. */
export const isSliceOf = (key: SliceKey | null, caption: ClusterCaption): boolean =>
  key !== null && key.subject === caption.subject && key.name === caption.name && key.side === caption.side;

const SHARES = new Set(['red', 'yellow', 'green', 'cyan', 'blue', 'magenta', 'edges']);

/** True where the numbers of a caption are shares, shown in per cent. */
export const isShare = ({ subject, name }: Pick<ClusterCaption, 'subject' | 'name'>): boolean =>
  subject !== 'property' || SHARES.has(name);

/** A number of a caption: a share in per cent, others with two decimals. */
export function valueText(caption: Pick<ClusterCaption, 'subject' | 'name'>, value: number): string {
  if (isShare(caption)) return percent(value, value > 0 && value < 0.01 ? 1 : 0);
  return fixed(value, 2);
}

const points = (share: number): string => signed(share * 100, Math.abs(share) < 0.1 ? 1 : 0);

/** The effect size with its interval: Hedges' g, or for shares the difference in points. */
export function effectText(caption: ClusterCaption): { value: string; interval: string } {
  const [low, high] = caption.interval;
  if (caption.subject === 'property')
    return { value: signed(caption.effect, 2), interval: `${signed(low, 2)} to ${signed(high, 2)}` };
  return {
    value: `${points(caption.inside - caption.outside)} pts`,
    interval: `${points(low)} to ${points(high)}`,
  };
}

/** A size by Cohen's words. */
export function sizeText(effect: number): string {
  const size = Math.abs(effect);
  return size >= 0.8 ? 'large' : size >= 0.5 ? 'medium' : 'small';
}

/** The whole caption in a sentence, for the pointer and for readers of screens. */
export function captionSentence(caption: ClusterCaption): string {
  const { measure, inside, outside, effect } = caption;
  const { value, interval } = effectText(caption);
  const kind =
    caption.subject === 'property' ? `Hedges’ g ${value}` : `${value}, Cohen’s h ${signed(effect, 2)}`;
  return `${measure} ${valueText(caption, inside)} against ${valueText(caption, outside)}; ${kind} (${interval}), ${sizeText(effect)}`;
}

/** The caption of a card: the strongest that does not repeat its name. */
export function cardCaption(captions: readonly ClusterCaption[]): ClusterCaption | null {
  return captions.find((one) => one.subject !== 'class') ?? null;
}

/** What the slice holds, in words: `brightness of the background below 0.35`. */
export function sliceWords(key: SliceKey, slice: Pick<Slice, 'text' | 'measure'>): string {
  if (key.threshold === null) return slice.text;
  const value = isShare(key) ? percent(key.threshold, 1) : fixed(key.threshold, 3);
  return `${slice.measure} ${key.side === 'below' ? 'below' : 'from'} ${value}${key.side === 'above' ? ' on' : ''}`;
}

const interval = ([low, high]: readonly number[]): string => `${percent(low)} to ${percent(high)}`;

/** The error of one side with its interval: `34.1 % (31.0 % to 37.3 %) of 812 images`. */
export function sideText(side: Slice['inside']): string {
  if (side.error === null || side.interval === null) return 'no images';
  return `${percent(side.error)} (${interval(side.interval)}) of ${formatCount(side.images)} images`;
}

/** A difference of errors: in points, and whether it is more than noise. */
export function differenceText(found: Slice['difference']): { text: string; isBeyondNoise: boolean } | null {
  if (!found) return null;
  const [low, high] = found.interval;
  const exact = (share: number) => signed(share * 100, 1);
  return {
    text: `${exact(found.value)} points (${exact(low)} to ${exact(high)})`,
    isBeyondNoise: low > 0 || high < 0,
  };
}

export interface RibbonPart {
  cluster: number;
  name: string;
  class_index: number;
  images: number;
  size: number;
  /** Offset from the top of either side, and height, as shares of the whole. */
  top: number;
  height: number;
}

/** The largest parts of an overlap, and what is left for the others. */
export function ribbonParts(
  overlap: ClusterOverlap,
  largest: number,
): { parts: RibbonPart[]; rest: number; others: number } {
  let top = 0;
  const parts = overlap.parts.slice(0, largest).map((part) => {
    const height = part.images / Math.max(1, overlap.images);
    const placed = { ...part, class_index: part.class, top, height };
    top += height;
    return placed;
  });
  return { parts, rest: Math.max(0, 1 - top), others: Math.max(0, overlap.parts.length - largest) };
}

/** The cluster that holds more than half of the images; null where none does. */
export function sameCluster(overlap: Pick<ClusterOverlap, 'images' | 'parts'>): number | null {
  const largest = overlap.parts.at(0);
  return largest && largest.images * 2 > overlap.images ? largest.cluster : null;
}
