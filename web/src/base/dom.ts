/** Small things of the document: measured sizes, sharp canvases. */

/** Reports an element's content size, now and whenever it changes. A Svelte action. */
export function measured(node: HTMLElement | SVGElement, report: (width: number, height: number) => void) {
  const observer = new ResizeObserver((entries) => {
    const box = entries[entries.length - 1].contentRect;
    report(Math.floor(box.width), Math.floor(box.height));
  });
  observer.observe(node);
  return { destroy: () => observer.disconnect() };
}

/** The device's pixels per CSS pixel, whole, so that tiles stay whole too. */
export function pixelRatio(): number {
  return Math.max(1, Math.round(globalThis.devicePixelRatio || 1));
}

/**
 * Sizes a canvas for CSS pixels and hands out a context that draws in them, unsmoothed. Resizing clears a canvas,
 * so this touches the size only when it differs.
 */
export function context2d(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = pixelRatio();
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  return context;
}

/** True when a key press belongs to a control under the focus rather than to the page. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
