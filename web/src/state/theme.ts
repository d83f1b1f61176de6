/** Dark or light: what was chosen here last, else what the system prefers. */

export type Theme = 'dark' | 'light';

const KEY = 'deepviz.theme';

const known = (text: string | null | undefined): Theme | null =>
  text === 'light' || text === 'dark' ? text : null;

/** The theme of the address (a shared link), else the last choice, else the system preference. */
export function initialTheme(fromAddress: string | undefined): Theme {
  const preferred: Theme = globalThis.matchMedia?.('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  return known(fromAddress) ?? stored() ?? preferred;
}

export function rememberTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden; the theme then lasts as long as the page.
  }
}

export function showTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

function stored(): Theme | null {
  try {
    return known(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}
