/** Grows when a font has loaded: text that was drawn on a canvas before is in another one, and is drawn again. */
export const fonts = $state({ version: 0 });

globalThis.document?.fonts?.addEventListener('loadingdone', () => (fonts.version += 1));
