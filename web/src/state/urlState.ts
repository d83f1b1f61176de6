/**
 * The URL state: everything the address says about what is shown. Pure: text to state, and back.
 *
 * `#run=demo&view=filters&checkpoint=31&before=5&layer=conv1&filter=25&image=50084&scale=sheet`
 *
 * Keys other than these are a view's options (`scale` above). A view reads one with
 * `store.option('scale', 'sheet')` and changes it with `store.setOption('scale', 'filter')`; an option at its default
 * is not written, so addresses stay short. Prefix names that could meet (`confusion.split`).
 */

export interface UrlState {
  run: string | null;
  view: string | null;
  /** An index, or `last` to follow the newest. */
  checkpoint: number | 'last' | null;
  /** The reference checkpoint. */
  before: number | null;
  layer: string | null;
  /** `none` when the pin was released on purpose. */
  filter: number | 'none' | null;
  channel: number | null;
  image: number | null;
  options: Record<string, string>;
}

const OWN = ['run', 'view', 'checkpoint', 'before', 'layer', 'filter', 'channel', 'image'] as const;

export const emptyUrlState = (): UrlState => ({
  run: null,
  view: null,
  checkpoint: null,
  before: null,
  layer: null,
  filter: null,
  channel: null,
  image: null,
  options: {},
});

function whole(text: string | null): number | null {
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

/** Parses `location.hash`. What cannot be parsed is left to the defaults, never an error. */
export function urlStateFromHash(hash: string): UrlState {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const state = emptyUrlState();
  state.run = params.get('run');
  state.view = params.get('view');
  state.checkpoint = params.get('checkpoint') === 'last' ? 'last' : whole(params.get('checkpoint'));
  state.before = whole(params.get('before'));
  state.layer = params.get('layer');
  state.filter = params.get('filter') === 'none' ? 'none' : whole(params.get('filter'));
  state.channel = whole(params.get('channel'));
  state.image = whole(params.get('image'));
  for (const [key, value] of params) {
    if (!(OWN as readonly string[]).includes(key)) state.options[key] = value;
  }
  return state;
}

/** The URL fragment of a state: its keys in a fixed order, then the options sorted. */
export function hashFromUrlState(state: UrlState): string {
  const params = new URLSearchParams();
  for (const key of OWN) {
    const value = state[key];
    if (value !== null) params.set(key, String(value));
  }
  for (const key of Object.keys(state.options).sort()) params.set(key, state.options[key]);
  return `#${params.toString().replace(/%2C/g, ',').replace(/%3A/g, ':').replace(/%3B/g, ';')}`;
}

/** The state for sharing: without the options that depend on the person and the screen. */
export function sharedUrlState(state: UrlState): UrlState {
  const options = Object.entries(state.options).filter(([name]) => name !== 'theme');
  return { ...state, options: Object.fromEntries(options) };
}

/** True where the change deserves a history entry (back returns to it). */
export function pushesHistory(from: UrlState, to: UrlState): boolean {
  const keys = ['run', 'view', 'layer', 'image'] as const;
  return keys.some((key) => from[key] !== to[key]) || from.options['b.run'] !== to.options['b.run'];
}

/** The class that is selected in all views, below the number of classes; null for none. */
export function chosenClass(options: Record<string, string>, classes: number): number | null {
  const text = options.class;
  return text !== undefined && /^\d{1,6}$/.test(text) && Number(text) < classes ? Number(text) : null;
}
