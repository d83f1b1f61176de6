/** The brush that covers parts of an image. Pure. */

/** Centre as shares of the image's width and height, radius as a share of its longer side. */
export interface Brush {
  x: number;
  y: number;
  radius: number;
}

interface Size {
  width: number;
  height: number;
}

/** A run of pixels in one row. */
export interface PixelRun {
  x: number;
  y: number;
  width: number;
}

/** The pixels whose centres lie under the brush, row by row; at least the one under its centre. */
export function brushed({ x, y, radius }: Brush, { width, height }: Size): PixelRun[] {
  const [cx, cy, r] = [x * width, y * height, radius * Math.max(width, height)];
  const runs: PixelRun[] = [];
  for (let row = Math.max(0, Math.floor(cy - r)); row < Math.min(height, cy + r); row += 1) {
    const away = row + 0.5 - cy;
    if (Math.abs(away) > r) continue;
    const half = Math.sqrt(r * r - away * away);
    const from = Math.max(0, Math.ceil(cx - half - 0.5));
    const to = Math.min(width - 1, Math.floor(cx + half - 0.5));
    if (to >= from) runs.push({ x: from, y: row, width: to - from + 1 });
  }
  const [px, py] = [Math.floor(cx), Math.floor(cy)];
  const isInside = px >= 0 && py >= 0 && px < width && py < height;
  if (!runs.length && isInside) return [{ x: px, y: py, width: 1 }];
  return runs;
}

const SMALLEST = 0.02;
const LARGEST = 0.3;
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** The brush after a key: arrows move it by its radius, plus and minus change its size. Null for another key. */
export function nudged(brush: Brush, key: string): Partial<Brush> | null {
  const step = brush.radius;
  switch (key) {
    case 'ArrowLeft':
      return { x: clamp(brush.x - step, 0, 1) };
    case 'ArrowRight':
      return { x: clamp(brush.x + step, 0, 1) };
    case 'ArrowUp':
      return { y: clamp(brush.y - step, 0, 1) };
    case 'ArrowDown':
      return { y: clamp(brush.y + step, 0, 1) };
    case '+':
    case '=':
      return { radius: clamp(brush.radius + SMALLEST, SMALLEST, LARGEST) };
    case '-':
      return { radius: clamp(brush.radius - SMALLEST, SMALLEST, LARGEST) };
    default:
      return null;
  }
}
