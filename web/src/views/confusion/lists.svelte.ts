// What the panels beside the matrix ask of the server: moves between two checkpoints, lists of examples.
import * as routes from '../../api/routes';
import type { LedgerPage, Moves, Split, Suspects } from '../../api/types';
import { address, path } from '../../api/client';
import type { Offer } from '../../state/offer.svelte';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { ledgerTable, PAGE, sortFrom, suspectsTable, type Sort } from './examples';
import { movesTable, sinceCheckpoint } from './moves';

export type Panel = 'cell' | 'moves' | 'suspects' | 'hard';
export const PANELS: Panel[] = ['cell', 'moves', 'suspects', 'hard'];

/** Images of each move that are shown. */
const OF_A_MOVE = 96;

export class Lists {
  readonly moves: Resource<Moves>;
  readonly suspects: Resource<Suspects & { first: number }>;
  readonly ledger: Resource<LedgerPage & { first: number; sort: Sort }>;
  /** Where the list that is open begins. */
  first = $state(0);
  readonly #store: Store;
  readonly #split: () => Split;

  readonly panel = $derived.by<Panel>(() => {
    const said = this.#store.option('confusion.panel', 'cell');
    return PANELS.find((one) => one === said) ?? 'cell';
  });
  readonly sort = $derived.by<Sort>(() => sortFrom(this.#store.option('confusion.hard', 'forgotten')));
  readonly since = $derived.by(() => this.#store.option('confusion.since', 'previous'));
  /** The checkpoint that moves are told from; null where there is none. */
  readonly from = $derived.by<number | null>(() => {
    const { checkpoint: to, before, run } = this.#store;
    return sinceCheckpoint(this.since, { to, before, split: this.#split() }, run?.checkpoints ?? []);
  });

  constructor(store: Store, split: () => Split) {
    this.#store = store;
    this.#split = split;
    this.moves = resource<Moves>(
      () => {
        const { run, now, checkpoint: to } = store;
        const { from } = this;
        if (this.panel !== 'moves' || !run || from === null || from === to) return null;
        if (now?.statistics[split()] !== 'ready') return null;
        const wish = { from, to, split: split(), limit: OF_A_MOVE };
        return {
          key: `${run.id}/${run.checkpoints[from]?.hash}/${now.hash}/${wish.split}/${store.statistics}`,
          tag: to,
          load: (signal) => routes.moves(run.id, wish, signal),
        };
      },
      { reader: 'moves', store },
    );
    // A list is over the whole run: it is asked for again when more of it was counted, not at every checkpoint.
    const list = <T>(panel: Panel, ask: (id: string, signal: AbortSignal) => Promise<T>, more: () => string) =>
      resource<T & { first: number }>(() => {
        const id = store.run?.id;
        if (this.panel !== panel || !id) return null;
        const { first } = this;
        return {
          key: `${id}/${split()}/${first}/${store.statistics}/${more()}`,
          load: async (signal) => ({ ...(await ask(id, signal)), first }),
        };
      });
    const page = () => ({ split: split(), limit: PAGE, cursor: this.first ? String(this.first) : null });
    this.suspects = list(
      'suspects',
      (id, signal) => routes.suspects(id, page(), signal),
      () => '',
    );
    this.ledger = list(
      'hard',
      async (id, signal) => {
        const { sort } = this;
        const answer = await routes.ledger(id, sort, { ...page(), class: store.classChosen }, signal);
        return { ...answer, sort };
      },
      () => `${this.sort}/${store.classChosen}`,
    );
    // Another list, order, split or class begins at its beginning.
    let of = '';
    $effect.pre(() => {
      const place = [this.panel, this.sort, split(), store.classChosen, store.run?.id].join();
      if (place !== of) this.first = 0;
      of = place;
    });
  }

  /** What is taken away from the panel that is open. */
  offer(names: readonly string[]): Offer {
    const id = this.#store.run?.id ?? '';
    const split = this.#split();
    const limited = { split, limit: PAGE, cursor: this.first ? String(this.first) : null };
    const { moves, suspects, ledger } = this;
    if (this.panel === 'moves' && moves.value) {
      const { from, to } = moves.value;
      return {
        requests: [address(path('runs', id, 'moves'), { from, to, split })],
        tables: [movesTable(moves.value, names)],
      };
    }
    if (this.panel === 'suspects' && suspects.value)
      return {
        requests: [address(path('runs', id, 'suspects'), limited)],
        tables: [suspectsTable(suspects.value.items, suspects.value.first, names)],
      };
    if (this.panel === 'hard' && ledger.value)
      return {
        requests: [
          address(path('runs', id, 'ledger'), {
            ...limited,
            sort: this.sort,
            class: this.#store.classChosen,
          }),
        ],
        tables: [ledgerTable(ledger.value.items, ledger.value.first, ledger.value.sort, names)],
      };
    return { requests: [], tables: [] };
  }
}
