/**
 * The place: everything the address says about what is being looked at. Pure: text in, place out, and back.
 *
 * `#run=demo&view=filters&checkpoint=31&before=5&layer=conv1&filter=25&image=50084&scale=sheet`
 *
 * Keys that are not the place's own are a view's options (`scale` above). A view reads one with
 * `store.option('scale', 'sheet')` and changes it with `store.setOption('scale', 'filter')`; an option at its default
 * is not written, so addresses stay short. Prefix names that could meet (`confusion.split`).
 */

export interface Place {
  run: string | null;
  view: string | null;
  /** An index, or `last` to follow the newest. */
  checkpoint: number | 'last' | null;
  before: number | null;
  layer: string | null;
  /** `none` when the pin was released on purpose. */
  filter: number | 'none' | null;
  channel: number | null;
  image: number | null;
  options: Record<string, string>;
}

const OWN = ['run', 'view', 'checkpoint', 'before', 'layer', 'filter', 'channel', 'image'] as const;

export const nowhere = (): Place => ({
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

/** Reads `location.hash`. What cannot be understood is left to the defaults, never an error. */
export function placeFromHash(hash: string): Place {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const place = nowhere();
  place.run = said.get('run');
  place.view = said.get('view');
  place.checkpoint = said.get('checkpoint') === 'last' ? 'last' : whole(said.get('checkpoint'));
  place.before = whole(said.get('before'));
  place.layer = said.get('layer');
  place.filter = said.get('filter') === 'none' ? 'none' : whole(said.get('filter'));
  place.channel = whole(said.get('channel'));
  place.image = whole(said.get('image'));
  for (const [key, value] of said) {
    if (!(OWN as readonly string[]).includes(key)) place.options[key] = value;
  }
  return place;
}

/** The hash for a place; own keys in a fixed order, options sorted. */
export function hashFromPlace(place: Place): string {
  const said = new URLSearchParams();
  for (const key of OWN) {
    const value = place[key];
    if (value !== null) said.set(key, String(value));
  }
  for (const key of Object.keys(place.options).sort()) said.set(key, place.options[key]);
  return `#${said.toString().replace(/%2C/g, ',').replace(/%3A/g, ':')}`;
}

/** Whether going from one place to the other deserves an entry in the history (back returns to it). */
export function isJourney(from: Place, to: Place): boolean {
  return from.run !== to.run || from.view !== to.view || from.layer !== to.layer || from.image !== to.image;
}

/** The class that is chosen everywhere, of so many; null for none. */
export function chosenClass(options: Record<string, string>, classes: number): number | null {
  const said = options.class;
  return said !== undefined && /^\d{1,6}$/.test(said) && Number(said) < classes ? Number(said) : null;
}
