/** Requests as lines for a shell. What is a picture or raw values goes into a file that is named after what it shows. */
import { fileName } from '../base/save';

const KIND: Record<string, string> = { f32: 'f32', npy: 'npy', json: 'json' };

/** Part of a file name for a selection of filters or channels: empty for all of them, of a long list their number. */
function selected(what: string, selection: string | undefined): string {
  if (!selection || selection === '*') return '';
  return selection.length <= 24 ? `${what}${selection}` : `${what}s-${selection.split(',').length}`;
}

/** The pieces of a path behind one of its words: `after(['layers', 'conv1'], 'layers')` is `conv1`. */
const after = (pieces: readonly string[], word: string): string | undefined => {
  const at = pieces.indexOf(word);
  return at < 0 ? undefined : pieces[at + 1];
};

/** The file that a request is saved in; null for numbers in JSON, which are read or piped on. */
export function savedAs(address: string): string | null {
  const url = new URL(address, 'http://localhost');
  const pieces = url.pathname.split('/').map((piece) => decodeURIComponent(piece));
  const format = url.searchParams.get('format');
  const kind = format === null ? 'png' : (KIND[format] ?? 'png');
  const layer = after(pieces, 'layers');
  const isStrip = pieces.at(-1) === 'strip';
  if (layer && (isStrip || pieces.includes('filters'))) {
    const parameter = (name: string) => url.searchParams.get(name) ?? undefined;
    const image = after(pieces, 'apply') ?? parameter('apply');
    const words = [
      layer,
      image === undefined ? 'weights' : `activations-of-${image}`,
      selected('filter', isStrip ? parameter('filters') : after(pieces, 'filters')),
      selected('channel', isStrip ? parameter('channels') : after(pieces, 'channels')),
      (isStrip ? parameter('checkpoints') : after(pieces, 'checkpoints')) ?? '',
    ];
    return `${fileName(words.filter(Boolean).join('-'))}.${kind}`;
  }
  if (pieces.at(-1) === 'pixels') return `${fileName(`image-${after(pieces, 'images')}`)}.png`;
  if (pieces.at(-1) === 'sheet') return `${fileName(`images-of-${after(pieces, 'corpora')}`)}.png`;
  return format !== null && format !== 'json' ? `${fileName(pieces.at(-1) ?? '')}.${kind}` : null;
}

/** One line a request, as a shell takes it. No two of them write into the same file. */
export function curl(addresses: readonly string[]): string {
  const taken = new Set<string>();
  return addresses
    .map((url) => {
      const wanted = savedAs(url);
      let name = wanted;
      for (let n = 2; wanted && name && taken.has(name); n += 1) name = wanted.replace(/(\.\w+)$/, `-${n}$1`);
      if (name) taken.add(name);
      return `curl ${name ? `-o ${name} ` : ''}'${url.replace(/'/g, "'\\''")}'`;
    })
    .join('\n');
}
