/** Taking pictures and tables away: a part of the page as SVG or PNG, rows as CSV. Nothing leaves the machine. */

type Cell = string | number | null;

const quoted = (value: Cell): string => {
  const text = value === null ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

/** RFC 4180. */
export const csv = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [head, ...rows].map((row) => row.map(quoted).join(',')).join('\r\n') + '\r\n';

/** `cifar10-80sec conv1, checkpoint 50` -> `cifar10-80sec-conv1-checkpoint-50`. */
export const fileName = (words: string): string =>
  words
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'deepviz';

export function download(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

const DRAWN = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linejoin',
  'paint-order',
  'opacity',
  'visibility',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'shape-rendering',
];

/** An inline SVG as it looks: what the style sheets say is written into it. */
function svgAsDrawn(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [from, to] = [
    [svg, ...svg.querySelectorAll('*')],
    [copy, ...copy.querySelectorAll('*')],
  ];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    // By property and not as an attribute, which the server's content security policy refuses.
    const drawn = (to[i] as SVGElement).style;
    DRAWN.forEach((name) => drawn.setProperty(name, style.getPropertyValue(name)));
  });
  return copy.innerHTML;
}

const seen = (colour: string): boolean => !/^(transparent|rgba\(\d+, \d+, \d+, 0\))$/.test(colour);

/** A part of the page as an SVG: grounds, canvases, inline SVGs and words where they stand. */
export function svgOf(root: HTMLElement): { text: string; width: number; height: number } {
  const box = root.getBoundingClientRect();
  const margin = 12;
  const [width, height] = [Math.ceil(box.width) + 2 * margin, Math.ceil(box.height) + 2 * margin];
  const out: string[] = [];
  const place = (rect: DOMRect) => ({ x: rect.left - box.left + margin, y: rect.top - box.top + margin });
  const number = (value: number) => Math.round(value * 100) / 100;

  const words = (node: Text): void => {
    const said = node.data.replace(/\s+/g, ' ').trim();
    if (!said || !node.parentElement) return;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rect = range.getClientRects()[0];
    if (!rect || rect.width < 1) return;
    const style = getComputedStyle(node.parentElement);
    const { x, y } = place(rect);
    const upright = style.writingMode.startsWith('vertical');
    const at = upright
      ? `transform="translate(${number(x + rect.width * 0.75)} ${number(y + rect.height)}) rotate(-90)"`
      : `x="${number(x)}" y="${number(y + rect.height * 0.77)}"`;
    out.push(
      `<text ${at} fill="${style.color}" font-size="${style.fontSize}" font-weight="${style.fontWeight}">${escaped(said)}</text>`,
    );
  };
  const walk = (element: Element): void => {
    const style = getComputedStyle(element);
    if (style.display === 'none' || style.visibility === 'hidden' || element.classList.contains('vh')) return;
    const rect = element.getBoundingClientRect();
    const { x, y } = place(rect);
    const frame = `x="${number(x)}" y="${number(y)}" width="${number(rect.width)}" height="${number(rect.height)}"`;
    if (element instanceof SVGSVGElement) {
      if (!element.closest('button')) out.push(`<svg ${frame} overflow="visible">${svgAsDrawn(element)}</svg>`);
      return;
    }
    if (seen(style.backgroundColor)) out.push(`<rect ${frame} fill="${style.backgroundColor}"/>`);
    if (element instanceof HTMLCanvasElement && element.width && element.height)
      out.push(`<image ${frame} image-rendering="pixelated" href="${element.toDataURL()}"/>`);
    if (element.classList.contains('ring'))
      out.push(`<rect ${frame} fill="none" stroke="${style.getPropertyValue('--now')}" stroke-width="2"/>`);
    for (const child of element.childNodes) {
      if (child instanceof Text) words(child);
      else if (child instanceof Element) walk(child);
    }
  };
  walk(root);
  const ground = getComputedStyle(document.documentElement).getPropertyValue('--bg').trim();
  const text = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
    ` font-family="Inter, 'Helvetica Neue', Arial, sans-serif"><rect width="100%" height="100%" fill="${ground}"/>`,
    ...out,
    '</svg>',
  ].join('');
  return { text, width, height };
}

/** A part of the page as a PNG, at twice the size of the screen's pixels. */
export async function pngOf(root: HTMLElement): Promise<Blob> {
  const { text, width, height } = svgOf(root);
  const url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width * 2, height * 2];
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/png'),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
