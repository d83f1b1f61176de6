// What the card and its parts read: the open run at its playhead, or the one beside it at its own.
import { reference } from '../../../state/reference.svelte';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { emptyUrlState, hashFromUrlState } from '../../../state/urlState';
import type { Unit } from './card.svelte';

export type CardSource = Pick<
  Store,
  'run' | 'checkpoint' | 'before' | 'statisticsVersion' | 'theme' | 'tiles' | 'go' | 'choose'
>;

/** Images are those of the open run's corpus: a card of B has sense only where both have the same. */
export function cardSource(store: Store, isOfB: () => boolean): CardSource {
  const checkpoint = () => (isOfB() ? (secondRun.checkpoint ?? -1) : store.checkpoint);
  return {
    get run() {
      return isOfB() ? secondRun.run : store.run;
    },
    get checkpoint() {
      return checkpoint();
    },
    get before() {
      // Where the reference is another run's the mark lies under that of the checkpoint.
      return isOfB() || reference.own < 0 ? checkpoint() : reference.own;
    },
    get statisticsVersion() {
      return store.statisticsVersion;
    },
    set statisticsVersion(version) {
      store.statisticsVersion = version;
    },
    get theme() {
      return store.theme;
    },
    tiles: store.tiles,
    go: (to) => (isOfB() ? secondRun.pin(to) : store.go(to)),
    choose: (choice, replaces) => store.choose(choice, replaces),
  };
}

/** The address of B without A, at a filter. */
export const alone = ({ layer, filter }: Unit): string =>
  hashFromUrlState({
    ...emptyUrlState(),
    run: secondRun.id,
    view: 'filters',
    checkpoint: secondRun.checkpoint,
    layer,
    filter,
  });
