// State and requests of the panels beside the matrix: moves between two checkpoints, lists of examples.
import { classText } from '../../api/className';
import { endpoint } from '../../api/client';
import type { ExampleStatsPage, PredictionChanges, Separation, Split } from '../../api/types';
import type { ExportData } from '../../state/exportData';
import { reference } from '../../state/reference.svelte';
import { secondRun } from '../../state/secondRun.svelte';
import { switchedOff } from '../../state/switchedOff.svelte';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { separationTables } from './apart/tables';
import { exampleStatsTable, PAGE, sortFrom, labelIssuesTable, type Sort } from './lists/examples';
import { differenceTables } from './off/difference';
import { formatCell, parseCell, type Cell } from './matrix/data';
import { narrowingCell, readIssues, type IssuePage } from './review/issues';
import { differingEndpoint, readChangesFromB } from './lists/changesFromB';
import { bandName, flowBands, flowTable, ribbonKey, ribbonsOf, type Bands } from './flow/flow';
import {
  changeKind,
  filterChanges,
  changesTable,
  sinceCheckpoint,
  changeWords,
  type ChangeKind,
} from './lists/predictionChanges';

export type Panel = 'cell' | 'apart' | 'costs' | 'moves' | 'suspects' | 'hard';
export type PictureKind = 'matrix' | 'flow';
export const PANELS: Panel[] = ['cell', 'apart', 'costs', 'moves', 'suspects', 'hard'];

/** Images of each move that are shown. */
const OF_A_MOVE = 96;

export class Panels {
  readonly moves: Resource<PredictionChanges>;
  readonly labelIssues: Resource<IssuePage>;
  readonly exampleStats: Resource<ExampleStatsPage & { first: number; sort: Sort }>;
  /** Index of the first row of the open list. */
  first = $state(0);
  /** What the panel `apart` shows, and the request behind it; null while it shows nothing. */
  separation = $state.raw<{ found: Separation; url: string } | null>(null);
  /** What the panel `costs` exports; null while it shows nothing. */
  costs = $state.raw<ExportData | null>(null);
  readonly #store: Store;
  readonly #split: () => Split;

  readonly panel = $derived.by<Panel>(() => {
    const option = this.#store.option('confusion.panel', this.standard);
    return PANELS.find((one) => one === option) ?? 'cell';
  });
  /** The default panel; while units are switched off the one that shows whose loss costs a class most. */
  readonly standard = $derived.by<Panel>(() => (switchedOff.any ? 'costs' : 'cell'));
  readonly sort = $derived.by<Sort>(() => sortFrom(this.#store.option('confusion.hard', 'forgotten')));
  readonly picture = $derived.by<PictureKind>(() =>
    this.#store.option('confusion.picture', 'matrix') === 'flow' ? 'flow' : 'matrix',
  );
  /** The default: changes from B, or since the previous checkpoint. Since an early one nearly all images have moved. */
  readonly #standardSince = $derived.by(() => (reference.isOther ? 'before' : 'previous'));
  readonly since = $derived.by(() => this.#store.option('confusion.since', this.#standardSince));
  /** The pinned cell, where the flow shows its ribbons only. */
  readonly flowCell = $derived.by<Cell | null>(() => {
    const classes = this.#store.run?.classes.length ?? 0;
    return this.picture === 'flow' ? parseCell(this.#store.option('confusion.cell', ''), classes) : null;
  });
  /** The pinned cell, which narrows the list of possible label errors. */
  readonly cell = $derived.by<Cell | null>(() =>
    narrowingCell(this.#store.option('confusion.cell', ''), this.#store.run?.classes.length ?? 0),
  );
  /** Predictions are compared with those of another run. */
  readonly isFromB = $derived.by(() => this.since === 'before' && reference.isOther);
  readonly words = $derived.by(() => changeWords(this.isFromB));
  /** The checkpoint that predictions are compared with, of this run or of B; null where there is none. */
  readonly from = $derived.by<number | null>(() => {
    const { checkpoint: to, run } = this.#store;
    const split = this.#split();
    if (this.isFromB) {
      const at = reference.run?.checkpoints[reference.checkpoint ?? -1];
      return !reference.whyNotCounted && at?.statistics[split] === 'ready' ? at.index : null;
    }
    return sinceCheckpoint(this.since, { to, before: reference.own, split }, run?.checkpoints ?? []);
  });
  /** The two checkpoints to compare are the same one. */
  readonly isItself = $derived.by(() => !this.isFromB && this.from === this.#store.checkpoint);
  /** The moves to show: of this split, between two checkpoints. */
  readonly answer = $derived.by<PredictionChanges | null>(() => {
    const { value, error } = this.moves;
    const apart = this.from !== null && !this.isItself;
    return apart && !error && value?.split === this.#split() ? value : null;
  });
  readonly kind = $derived.by<ChangeKind | null>(() => {
    const option = this.#store.option('confusion.kind', 'all');
    return option === 'gained' || option === 'lost' || option === 'wrong' ? option : null;
  });
  /** Moves of the images of the selected class, or of all; in the flow those of the pinned cell. */
  readonly ofClass = $derived.by(() =>
    filterChanges(this.answer?.moves ?? [], {
      kind: null,
      class_index: this.#store.classChosen,
      cell: this.flowCell,
    }),
  );
  readonly bands = $derived.by<Bands>(() =>
    flowBands(
      this.ofClass,
      (this.#store.run?.classes ?? []).map((_, k) => k),
    ),
  );
  /** The ribbon chosen in the flow, while there is one of its name. */
  readonly ribbon = $derived.by<string | null>(() => {
    const option = this.#store.option('confusion.ribbon', '');
    return option && this.ofClass.some((move) => ribbonKey(move, this.bands) === option) ? option : null;
  });
  /** The moves of the list. */
  readonly listed = $derived.by(() =>
    this.ofClass.filter(
      (move) =>
        (this.kind === null || changeKind(move) === this.kind) &&
        (this.ribbon === null || ribbonKey(move, this.bands) === this.ribbon),
    ),
  );

  constructor(store: Store, split: () => Split) {
    this.#store = store;
    this.#split = split;
    this.moves = this.#movesOf(store, split);
    // A list is over the whole run: it is requested again when there are new statistics, not at every checkpoint.
    const list = <T>(panel: Panel, ask: (id: string, signal: AbortSignal) => Promise<T>, more: () => string) =>
      resource<T & { first: number }>(() => {
        const id = store.run?.id;
        if (this.panel !== panel || !id) return null;
        const { first } = this;
        return {
          key: `${id}/${split()}/${first}/${store.statisticsVersion}/${more()}`,
          load: async (signal) => ({ ...(await ask(id, signal)), first }),
        };
      });
    this.labelIssues = list(
      'suspects',
      (run, signal) => readIssues({ run, split: split(), first: this.first, limit: PAGE }, this.cell, signal),
      () => (this.cell ? formatCell(this.cell) : ''),
    );
    this.exampleStats = list(
      'hard',
      async (id, signal) => {
        const { sort } = this;
        const answer = await this.#exampleStatsEndpoint(id).json(signal);
        return { ...answer, sort };
      },
      () => `${this.sort}/${store.classChosen}`,
    );
    // Another list, order, split or class starts at its first page.
    let of = '';
    $effect.pre(() => {
      const place = [
        this.panel,
        this.sort,
        split(),
        store.classChosen,
        store.run?.id,
        store.option('confusion.cell', ''),
      ].join();
      if (place !== of) this.first = 0;
      of = place;
    });
  }

  #movesOf(store: Store, split: () => Split): Resource<PredictionChanges> {
    return resource<PredictionChanges>(
      () => {
        const { run, now, checkpoint: to } = store;
        const { from } = this;
        if ((this.panel !== 'moves' && this.picture !== 'flow') || !run || from === null || this.isItself)
          return null;
        if (now?.statistics[split()] !== 'ready') return null;
        const wanted = split();
        const { at, key: atKey } = secondRun;
        if (this.isFromB)
          return (
            at && {
              key: `${atKey}/${wanted}/${store.statisticsVersion}`,
              tag: to,
              load: (signal) => readChangesFromB(at, wanted, OF_A_MOVE, signal),
            }
          );
        const request = { from, to, split: wanted, limit: OF_A_MOVE };
        return {
          key: `${run.id}/${run.checkpoints[from]?.hash}/${now.hash}/${request.split}/${store.statisticsVersion}`,
          tag: to,
          load: (signal) => endpoint('/api/runs/{run}/moves', { run: run.id, ...request }).json(signal),
        };
      },
      { view: 'moves', store },
    );
  }

  #page() {
    return { split: this.#split(), limit: PAGE, cursor: this.first ? String(this.first) : null };
  }

  #labelIssuesEndpoint(run: string) {
    return endpoint('/api/runs/{run}/suspects', { run, ...this.#page() });
  }

  #exampleStatsEndpoint(run: string) {
    const chosen = classText(this.#store.run?.classes ?? [], this.#store.classChosen);
    return endpoint('/api/runs/{run}/ledger', { run, sort: this.sort, ...this.#page(), class: chosen });
  }

  setSince(value: string): void {
    this.#store.setOption('confusion.since', value, this.#standardSince);
  }

  setPicture(picture: PictureKind): void {
    this.#store.setOption('confusion.picture', picture, 'matrix');
    // The moves of the flow are listed beside it.
    if (picture === 'flow') this.#store.setOption('confusion.panel', 'moves', this.standard);
  }

  /** Selects a ribbon: its moves are listed, its images shown. The same again clears the selection. */
  chooseRibbon(key: string | null): void {
    const next = key === this.ribbon ? null : key;
    this.#store.setOption('confusion.ribbon', next ?? '', '');
    this.#store.setOption('confusion.move', '', '');
    if (next === null) return;
    this.#store.setOption('confusion.panel', 'moves', this.standard);
    if (this.kind !== null && !next.endsWith(this.kind)) this.#store.setOption('confusion.kind', 'all', 'all');
  }

  /** Export data of the units that are off, and of the open panel. */
  exportData(names: readonly string[]): ExportData {
    const { confusion, url } = switchedOff;
    const beside = this.#besideData(names);
    if (!confusion) return beside;
    return {
      requests: [url, ...beside.requests],
      tables: [...differenceTables(confusion, names), ...beside.tables],
    };
  }

  #besideData(names: readonly string[]): ExportData {
    const id = this.#store.run?.id ?? '';
    const split = this.#split();
    const { answer, bands, labelIssues, exampleStats } = this;
    if ((this.panel === 'moves' || this.picture === 'flow') && answer) {
      const { from, to } = answer;
      const ribbons = ribbonsOf(this.ofClass, bands);
      const flow = flowTable(answer, ribbons, (band) => bandName(bands, band, names), this.isFromB);
      return {
        requests: [
          this.isFromB && secondRun.at
            ? differingEndpoint(secondRun.at, split).url
            : endpoint('/api/runs/{run}/moves', { run: id, from, to, split }).url,
        ],
        tables: [changesTable(answer, names, this.isFromB), ...(this.picture === 'flow' ? [flow] : [])],
      };
    }
    if (this.panel === 'apart' && this.separation) {
      const { found, url } = this.separation;
      return { requests: [url], tables: separationTables(found, names) };
    }
    if (this.panel === 'costs' && this.costs) return this.costs;
    if (this.panel === 'suspects' && labelIssues.value)
      return {
        requests: [this.#labelIssuesEndpoint(id).url],
        tables: [labelIssuesTable(labelIssues.value.items, labelIssues.value.first, names)],
      };
    if (this.panel === 'hard' && exampleStats.value)
      return {
        requests: [this.#exampleStatsEndpoint(id).url],
        tables: [
          exampleStatsTable(exampleStats.value.items, exampleStats.value.first, exampleStats.value.sort, names),
        ],
      };
    return { requests: [], tables: [] };
  }
}
