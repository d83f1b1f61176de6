/** Incremented when a font has loaded: text that was drawn on a canvas before has to be redrawn. */
export const fonts = $state({ version: 0 });

globalThis.document?.fonts?.addEventListener('loadingdone', () => (fonts.version += 1));
