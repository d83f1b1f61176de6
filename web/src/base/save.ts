/** Export of pictures and tables: a part of the page as SVG or PNG, rows as CSV. Nothing leaves the machine. */

import { NOT_FINITE } from './format';

type CsvCell = string | number | null;

// Spreadsheets take text that begins so for a formula and run it, also behind blanks; a number stays one.
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?( ?%)?$/;
const harmless = (text: string): string => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);

const quoted = (value: CsvCell): string => {
  const text =
    value === null
      ? ''
      : typeof value === 'string'
        ? harmless(value)
        : Number.isFinite(value)
          ? String(value)
          : NOT_FINITE;
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

/** RFC 4180; text that a spreadsheet would run as a formula has an apostrophe before it. */
export const csv = (head: readonly string[], rows: readonly (readonly CsvCell[])[]): string =>
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

/** Text without the characters that XML does not allow, not even as references: names may hold any. */
export const wellFormed = (text: string): string =>
  [...text]
    .map((c) => {
      const code = c.codePointAt(0)!;
      const isControl = code < 0x20 && c !== '\t' && c !== '\n' && c !== '\r';
      const isNone = (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff;
      return isControl || isNone ? '\ufffd' : c;
    })
    .join('');

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
  // As XML, which `innerHTML` is not: it has `&nbsp;`, and `<` in attributes.
  const xml = new XMLSerializer();
  return [...copy.childNodes].map((child) => xml.serializeToString(child)).join('');
}

const isVisible = (colour: string): boolean => !/^(transparent|rgba\(\d+, \d+, \d+, 0\))$/.test(colour);

interface Frame {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** An element's border lines, and the ring around or in it. */
function borders(style: CSSStyleDeclaration, { x, y, width, height }: Frame, out: string[]): void {
  for (const [side, left, top, wide, tall] of [
    ['top', x, y, width, 0],
    ['bottom', x, y + height, width, 0],
    ['left', x, y, 0, height],
    ['right', x + width, y, 0, height],
  ] as const) {
    const colour = style.getPropertyValue(`border-${side}-color`);
    const thick = Number.parseFloat(style.getPropertyValue(`border-${side}-width`)) || 0;
    if (!thick || style.getPropertyValue(`border-${side}-style`) === 'none' || !isVisible(colour)) continue;
    const [dx, dy] = [side === 'right' ? -thick : 0, side === 'bottom' ? -thick : 0];
    out.push(
      `<rect x="${left + dx}" y="${top + dy}" width="${wide || thick}" height="${tall || thick}" fill="${colour}"/>`,
    );
  }
  const ring = ringOf(style.boxShadow);
  if (!ring) return;
  const by = ring.inset ? -ring.width / 2 : ring.width / 2;
  out.push(
    `<rect x="${x - by}" y="${y - by}" width="${Math.max(0, width + 2 * by)}" height="${Math.max(0, height + 2 * by)}" fill="none" stroke="${ring.colour}" stroke-width="${ring.width}"/>`,
  );
}

const COLOUR = /rgba?\([^)]*\)|color\([^)]*\)|#[0-9a-f]{3,8}/gi;

/** The colours of a gradient from left to right as CSS computes it, evenly apart; none where it is something else. */
export function gradientColours(background: string): string[] {
  if (!/^linear-gradient\((90deg|to right),/.test(background)) return [];
  return background.match(COLOUR) ?? [];
}

/** A ring drawn as a shadow (`rgb(1, 2, 3) 0px 0px 0px 1px inset`), as CSS computes it. */
export function ringOf(shadow: string): { colour: string; width: number; inset: boolean } | null {
  const [colour] = shadow.match(COLOUR) ?? [];
  const lengths = /\b0px 0px 0px ([\d.]+)px/.exec(shadow);
  if (!colour || !lengths || !isVisible(colour) || Number(lengths[1]) === 0) return null;
  return { colour, width: Number(lengths[1]), inset: /inset/.test(shadow) };
}

const MARGIN_PX = 12;
const rounded = (value: number) => Math.round(value * 100) / 100;

/** Positions of elements in the picture, and the pieces drawn so far. */
interface SvgDrawing {
  position: (rect: DOMRect) => { x: number; y: number };
  out: string[];
}

/** What of a text is seen where its element cuts it with an ellipsis: as many letters as its share of the width. */
function shownText(text: string, within: Element): string {
  const { clientWidth, scrollWidth } = within;
  if (getComputedStyle(within).textOverflow !== 'ellipsis' || scrollWidth <= clientWidth) return text;
  const letters = Math.floor((text.length * clientWidth) / scrollWidth) - 1;
  return letters > 0 ? `${text.slice(0, letters).trimEnd()}…` : '';
}

function drawText(node: Text, { position, out }: SvgDrawing): void {
  if (!node.parentElement) return;
  const text = shownText(node.data.replace(/\s+/g, ' ').trim(), node.parentElement);
  if (!text) return;
  const range = document.createRange();
  range.setStart(node, node.data.search(/\S/));
  range.setEnd(node, node.data.trimEnd().length);
  const rect = range.getClientRects()[0];
  if (!rect || rect.width < 1) return;
  const style = getComputedStyle(node.parentElement);
  const { x, y } = position(rect);
  const upright = style.writingMode.startsWith('vertical');
  const at = upright
    ? `transform="translate(${rounded(x + rect.width * 0.75)} ${rounded(y + rect.height)}) rotate(-90)"`
    : `x="${rounded(x)}" y="${rounded(y + rect.height * 0.77)}"`;
  out.push(
    `<text ${at} fill="${style.color}" font-size="${style.fontSize}" font-weight="${style.fontWeight}">${escaped(text)}</text>`,
  );
}

/** An element with all that is in it. */
function drawElement(element: Element, drawing: SvgDrawing): void {
  const { position, out } = drawing;
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.visibility === 'hidden' || element.classList.contains('vh')) return;
  const rect = element.getBoundingClientRect();
  const { x, y } = position(rect);
  const frame = `x="${rounded(x)}" y="${rounded(y)}" width="${rounded(rect.width)}" height="${rounded(rect.height)}"`;
  if (element instanceof SVGSVGElement) {
    // Icons of buttons are left out.
    if (!element.closest('.ib')) out.push(`<svg ${frame} overflow="visible">${svgAsDrawn(element)}</svg>`);
    return;
  }
  if (isVisible(style.backgroundColor)) out.push(`<rect ${frame} fill="${style.backgroundColor}"/>`);
  const colours = gradientColours(style.backgroundImage);
  if (colours.length > 1) {
    const id = `ramp-${out.length}`;
    const stops = colours.map((c, n) => `<stop offset="${n / (colours.length - 1)}" stop-color="${c}"/>`);
    out.push(
      `<linearGradient id="${id}">${stops.join('')}</linearGradient><rect ${frame} fill="url(#${id})"/>`,
    );
  }
  borders(style, { x, y, width: rect.width, height: rect.height }, out);
  if (element instanceof HTMLCanvasElement && element.width && element.height)
    out.push(`<image ${frame} image-rendering="pixelated" href="${element.toDataURL()}"/>`);
  if (element.classList.contains('ring'))
    out.push(`<rect ${frame} fill="none" stroke="${style.getPropertyValue('--now')}" stroke-width="2"/>`);
  for (const child of element.childNodes) {
    if (child instanceof Text) drawText(child, drawing);
    else if (child instanceof Element) drawElement(child, drawing);
  }
}

/** A part of the page as an SVG: backgrounds, borders, canvases, inline SVGs and text in place; above, the title. */
export function svgOf(root: HTMLElement, title = ''): { text: string; width: number; height: number } {
  const box = root.getBoundingClientRect();
  const head = title ? 24 : 0;
  // Content scrolled out of view is included: a picture cut in the middle of a row would be misleading.
  const width = Math.ceil(Math.max(box.width, root.scrollWidth)) + 2 * MARGIN_PX;
  const height = Math.ceil(Math.max(box.height, root.scrollHeight)) + 2 * MARGIN_PX + head;
  const out: string[] = [];
  const position = (rect: DOMRect) => ({
    x: rect.left - box.left + root.scrollLeft + MARGIN_PX,
    y: rect.top - box.top + root.scrollTop + MARGIN_PX + head,
  });
  drawElement(root, { position, out });
  const background = getComputedStyle(document.documentElement).getPropertyValue('--bg').trim();
  const text = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
    ` font-family="Inter, 'Helvetica Neue', Arial, sans-serif"><rect width="100%" height="100%" fill="${background}"/>`,
    title
      ? `<text x="${MARGIN_PX}" y="${MARGIN_PX + 11}" font-size="12px" fill="${getComputedStyle(root).color}">${escaped(title)}</text>`
      : '',
    ...out,
    '</svg>',
  ].join('');
  return { text: wellFormed(text), width, height };
}

/** Sides and areas that every browser can still make a canvas of. */
const MAX_SIDE_PX = 16_000;
const MAX_AREA_PX = 128e6;

/** Pixels of the picture per CSS pixel: two, or as many as a canvas holds. */
export function pngScale(width: number, height: number): number {
  const fits = Math.min(MAX_SIDE_PX / Math.max(width, height), Math.sqrt(MAX_AREA_PX / (width * height)));
  return Math.min(2, fits);
}

/** A part of the page as a PNG, at twice the size of the screen's pixels where a canvas can be so large. */
export async function pngOf(root: HTMLElement, title = ''): Promise<Blob> {
  const { text, width, height } = svgOf(root, title);
  const url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    const scale = pngScale(width, height);
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
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
