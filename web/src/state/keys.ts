/** Table of the dashboard's keys: label, description and action. The help lists it, the page obeys it. */
import type { OffUnit } from './offUnits';
import { reference } from './reference.svelte';
import type { Store } from './store.svelte';
import { switchedOff } from './switchedOff.svelte';

export interface Key {
  keys: string[];
  label: string;
  says: string;
  act: (store: Store, event: KeyboardEvent) => void;
  /** For a key that acts while it is held. */
  release?: (store: Store) => void;
  /** False where it does nothing: the help leaves it out. */
  works?: () => boolean;
}

function nextLayer(store: Store, by: 1 | -1): void {
  const layers = (store.run?.layers ?? []).filter((l) => l.inputs.length > 0);
  const at = layers.findIndex((l) => l.name === store.layer);
  const to = layers[Math.min(layers.length - 1, Math.max(0, at + by))];
  if (to) store.choose({ layer: to.name });
}

/** Time: play, the playhead, the reference, loop, speed and marks. */
const TIME_KEYS: Key[] = [
  { keys: [' '], label: 'Space', says: 'Play, pause; in the presenter the next sentence', act: space },
  {
    keys: ['ArrowLeft', 'ArrowRight'],
    label: '← →',
    says: 'One checkpoint; with Shift one epoch',
    act: arrows,
  },
  {
    keys: ['Home', 'End'],
    label: 'Home End',
    says: 'First, newest',
    act: (s, e) => s.go(e.key === 'Home' ? 0 : s.last),
  },
  {
    keys: ['b'],
    label: 'B',
    says: 'Set the reference here; with two runs pin B',
    act: () => reference.setHere(),
  },
  { keys: ['x'], label: 'X', says: 'Swap current and reference, or the two runs', act: () => reference.swap() },
  {
    keys: ['c'],
    label: 'C',
    get says() {
      return reference.isOther
        ? 'Hold to see B in the place of A'
        : 'Hold to see the reference in every view; with two runs B in the place of A';
    },
    act: () => reference.peek(true),
    release: () => reference.peek(false),
    works: () => reference.canBeHeld,
  },
  { keys: ['l'], label: 'L', says: 'Loop', act: (s) => s.player.toggleLoop() },
  {
    keys: ['i'],
    label: 'I',
    says: 'The loop begins here; with Shift it ends here',
    act: (s, e) => s.player.setLoopEnd(e.shiftKey ? 'to' : 'from', s.checkpoint),
  },
  {
    keys: ['-', '+', '='],
    label: '− +',
    says: 'Slower, faster',
    act: (s, e) => s.player.changeSpeed(e.key === '-' ? -1 : 1),
  },
  {
    keys: ['m'],
    label: 'M',
    says: 'Mark this checkpoint, or no longer',
    act: (s) => s.marks.toggle(s.checkpoint),
  },
  {
    keys: [',', '.'],
    label: ', .',
    says: 'To the previous mark, the next',
    act: (s, e) => s.marks.step(e.key === ',' ? -1 : 1),
  },
];

/** Functions of the page's shell that keys call. */
export interface ShellActions {
  focusSearch: () => void;
  help: () => void;
  openTable: () => void;
  /** The unit of the pinned card, or the pinned filter where filters are shown. */
  unit: () => OffUnit | null;
}

/** Why an answer is given, and what breaks without a unit. */
const whyKeys = (unit: () => OffUnit | null): Key[] => [
  {
    keys: ['w'],
    label: 'W',
    says: 'What speaks for the predicted class, over the image and over examples (LayerCAM)',
    act: (s) => s.setOption('why.over', s.option('why.over', '') === '1' ? '' : '1', ''),
  },
  {
    keys: ['a'],
    label: 'A',
    says: 'Filters: colour by effect, the class that each filter’s loss hurts most',
    act: (s) =>
      s.setOption('bank.colour', s.option('bank.colour', '') === 'effect' ? 'weights' : 'effect', 'weights'),
  },
  {
    keys: ['s'],
    label: 'S',
    says: 'Filters: weights of deep layers over channels or over the image',
    act: (s) =>
      s.setOption('bank.space', s.option('bank.space', 'layer') === 'pixels' ? 'layer' : 'pixels', 'layer'),
  },
  {
    keys: ['e'],
    label: 'E',
    says: 'What the pinned filter would like to see: a picture that is made, beside its top images',
    act: (s) => s.setOption('made', s.option('made', '') === '' ? 'noise' : '', ''),
  },
  {
    keys: ['d'],
    label: 'D',
    says: 'Filters: what the pinned filter is computed from, and what is computed from it',
    act: (s) =>
      s.setOption('show', s.option('show', 'both') === 'connections' ? 'both' : 'connections', 'both'),
  },
  {
    keys: ['o'],
    label: 'O',
    says: 'Switch the kept or pinned unit off, and on again; Esc switches all on',
    act: () => switchedOff.key(unit()),
  },
];

export function keyTable(
  views: readonly string[],
  { focusSearch, help, openTable, unit }: ShellActions,
): Key[] {
  return [
    ...TIME_KEYS,
    { keys: ['f'], label: 'F', says: 'Follow the newest', act: (s) => s.setFollow(!s.follow) },
    {
      keys: views.map((_, i) => String(i)),
      label: `0 … ${views.length - 1}`,
      says: 'Views',
      act: (s, e) => s.choose({ view: views[Number(e.key)] }),
    },
    { keys: ['[', ']'], label: '[ ]', says: 'Layer', act: (s, e) => nextLayer(s, e.key === ']' ? 1 : -1) },
    {
      keys: ['v'],
      label: 'V',
      says: 'The map of the pinned filter over the image',
      act: (s) => s.setOption('map', s.option('map', 'apart') === 'over' ? 'apart' : 'over', 'apart'),
    },
    ...whyKeys(unit),
    {
      keys: ['p'],
      label: 'P',
      says: 'Presenter: large type, no bars; Esc leaves it',
      act: (s) => s.presenter.toggle(),
    },
    {
      keys: ['PageDown', 'PageUp'],
      label: 'Page',
      says: 'Next and previous sentence in the presenter',
      act: (s, e) => s.presenter.move(e.key === 'PageDown' ? 1 : -1),
    },
    { keys: ['t'], label: 'T', says: 'Show data table', act: openTable },
    { keys: ['/'], label: '/', says: 'Search', act: focusSearch },
    {
      keys: ['Escape'],
      label: 'Esc',
      says: 'Release what is pinned',
      act: (s) => {
        if (s.presenter.on) return s.presenter.leave();
        if (switchedOff.any) return switchedOff.restore();
        if (s.view === 'filters') s.choose({ filter: null, channel: null });
        s.chooseClass(null);
      },
    },
    { keys: ['?'], label: '?', says: 'This', act: help },
  ];
}

/** Space, also where it is pressed after a click on a control. */
export function space(store: Store): void {
  if (store.presenter.hasSlides) store.presenter.move(1);
  else store.player.toggle();
}

function arrows(store: Store, event: KeyboardEvent): void {
  const by = event.key === 'ArrowRight' ? 1 : -1;
  if (store.presenter.hasSlides) store.presenter.move(by);
  else if (event.shiftKey) store.stepEpoch(by);
  else store.step(by);
}

/** The entry for a key press, or undefined where it means nothing (or belongs to the browser). */
export function keyFor(table: readonly Key[], event: KeyboardEvent): Key | undefined {
  if (event.metaKey || event.ctrlKey || event.altKey) return undefined;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return table.find((entry) => entry.keys.includes(name));
}
