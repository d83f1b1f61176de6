/** DOM helpers: element sizes, canvas contexts at the device's resolution, the target of a key press. */

/** Svelte action: gives `onResize` the content size in whole CSS pixels, at first and after every change. */
export function measured(node: HTMLElement | SVGElement, onResize: (width: number, height: number) => void) {
  const observer = new ResizeObserver((entries) => {
    const box = entries[entries.length - 1].contentRect;
    onResize(Math.floor(box.width), Math.floor(box.height));
  });
  observer.observe(node);
  return { destroy: () => observer.disconnect() };
}

/** The base font size divided by 12 pixels: it depends only on the width of the window (tokens.css). */
export function textScale(): number {
  return (parseFloat(getComputedStyle(document.documentElement).fontSize) || 12) / 12;
}

/** `devicePixelRatio`, rounded to 1 or more, so that a tile's pixels cover whole device pixels. */
export function pixelRatio(): number {
  return Math.max(1, Math.round(globalThis.devicePixelRatio || 1));
}

/**
 * Sizes a canvas to `width` x `height` CSS pixels and returns a context that draws in CSS pixels, with image smoothing
 * off. Setting its size clears a canvas, so the size is set only where it differs.
 */
export function context2d(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = pixelRatio();
  const deviceWidth = Math.max(1, Math.round(width * ratio));
  const deviceHeight = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  return context;
}

/** True when a key press goes to a form field or editable element rather than to the page's shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
