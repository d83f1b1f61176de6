/** Dark or light: the last choice in this browser, else the preference of the system. */

export type Theme = 'dark' | 'light';

const KEY = 'deepviz.theme';

const known = (text: string | null | undefined): Theme | null =>
  text === 'light' || text === 'dark' ? text : null;

/** The theme of the address (a shared link), else the last choice, else the system preference. */
function initialTheme(fromAddress: string | undefined): Theme {
  const preferred: Theme = globalThis.matchMedia?.('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  return known(fromAddress) ?? stored() ?? preferred;
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden; the theme then lasts as long as the page.
  }
}

export class ThemeState {
  /** The theme on the page; light while a page is printed. */
  current = $state<Theme>('dark');
  /** The theme on the screen, while a page is printed. */
  #screen: Theme | null = null;

  start(fromAddress: string | undefined): void {
    this.#show(initialTheme(fromAddress));
  }

  /** Takes the theme of an address, where it names one. */
  follow(fromAddress: string | undefined): void {
    const theme = known(fromAddress);
    if (theme) this.#show(theme);
  }

  toggle(): void {
    this.#show(this.current === 'dark' ? 'light' : 'dark');
    remember(this.current);
  }

  /** Switches to the light theme for printing, and back. */
  print(on: boolean): void {
    if (on) this.#screen ??= this.current;
    if (this.#screen) this.#show(on ? 'light' : this.#screen);
    if (!on) this.#screen = null;
  }

  #show(theme: Theme): void {
    this.current = theme;
    document.documentElement.dataset.theme = theme;
  }
}

function stored(): Theme | null {
  try {
    return known(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}
