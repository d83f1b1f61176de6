/**
 * The page of a large layer's filters and channels that is shown, and the order of its filters, as the address says:
 * `bank.sort`, `bank.at` (the checkpoint that gave the order: nothing changes places while one scrubs), `bank.since` (the
 * checkpoint before it, that a change is measured from), `bank.from` and `bank.channels` (what the page begins with).
 */
import { endpoint, getValues } from '../../api/client';
import { valuesUrl } from '../../api/pictureUrls';
import type { Layer, Run } from '../../api/types';
import { nextReadable } from '../../state/checkpoints';
import { resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { rectifierOf } from '../common/activity';
import type { PageSize } from './grids';
import type { Histories } from './histories.svelte';
import { changesOf, ofFilters, orderOf, pageAround, selectionOf, SORTS, type SortBy } from './pages';

/** Values of one request for weights, and the most that are fetched for an order. */
const SLICE = 4 << 20;
const MAX_COMPARED = 32 << 20;

type Numbers = (number | null)[];

export class BankPages {
  readonly #store: Store;
  readonly #histories: Histories;
  readonly #laid: () => Layer | null;
  readonly #size: () => PageSize | null;
  readonly #numbers;

  /** `laid` is the layer with the shape of what is shown of it. */
  constructor(
    store: Store,
    { histories, laid }: { histories: Histories; laid: () => Layer | null },
    size: () => PageSize | null,
  ) {
    this.#store = store;
    this.#laid = laid;
    this.#histories = histories;
    this.#size = size;
    this.#numbers = resource<Numbers>(() => {
      const { run, layerInfo: layer } = store;
      if (!run || !layer || this.#key === null) return null;
      const [key, at, since, sort] = [this.#key, this.at, this.since, this.sort];
      return {
        key,
        load: (signal) =>
          sort === 'change'
            ? changes(run, layer, { at, since }, signal)
            : activity(run, layer.name, at, signal),
      };
    });
  }

  /** Key of the request for the numbers that give the order; null where none are to be requested. */
  readonly #key = $derived.by(() => {
    const { run, layerInfo: layer, statisticsVersion } = this.#store;
    if (!run || !layer || !this.size || (this.sort !== 'change' && this.sort !== 'activity')) return null;
    const of = this.sort === 'change' ? run.checkpoints[this.since]?.hash : statisticsVersion;
    return `${run.id}/${layer.name}/${this.sort}/${run.checkpoints[this.at]?.hash}/${of}`;
  });
  readonly size = $derived.by(() => this.#size());
  readonly sort = $derived.by(() => {
    const option = this.#store.option('bank.sort', 'order') as SortBy;
    return SORTS.includes(option) && !this.whyNot(option, this.at) ? option : 'order';
  });
  readonly at = $derived.by(() => this.#checkpoint('bank.at', this.#store.checkpoint));
  readonly since = $derived.by(() => this.#checkpoint('bank.since', this.#previousOf(this.at)));
  readonly total = $derived.by(() => this.#laid()?.sheet_shape?.[0] ?? this.#store.layerInfo?.filters ?? 0);

  /** The readable checkpoint before one; itself where there is none. */
  #previousOf(checkpoint: number): number {
    return nextReadable(this.#store.run?.checkpoints ?? [], checkpoint, -1);
  }

  #checkpoint(option: string, fallback: number): number {
    const value = Number(this.#store.option(option, 'NaN'));
    return Number.isInteger(value) && value >= 0 && value <= this.#store.last ? value : fallback;
  }

  readonly #values = $derived.by<Numbers | null>(() => {
    const layer = this.#store.layerInfo?.name ?? '';
    if (this.sort === 'order') return null;
    if (this.sort !== 'norm') {
      const numbers = this.#numbers.key === this.#key ? this.#numbers.value : null;
      return this.sort === 'activity' ? ofFilters(numbers, this.total) : numbers;
    }
    const history = this.#histories.all[layer];
    return history?.filters.norm[history.checkpoints.indexOf(this.at)] ?? null;
  });
  readonly #order = $derived.by(() => orderOf(this.#values, this.total));

  readonly filterPage = $derived.by(() => {
    if (!this.size) return null;
    const { filter } = this.#store;
    const from = this.#store.option('bank.from', '');
    // The page of the pinned filter; the first one where none is.
    const place = from !== '' ? Number(from) || 0 : filter === null ? 0 : this.#order.indexOf(filter);
    return pageAround(place, this.size.filters, this.total);
  });
  readonly channelPage = $derived.by(() => {
    const channels = this.#laid()?.sheet_shape?.[1] ?? 1;
    if (!this.size || channels <= this.size.channels) return null;
    const from = this.#store.option('bank.channels', '');
    return pageAround(
      from === '' ? (this.#store.channel ?? 0) : Number(from) || 0,
      this.size.channels,
      channels,
    );
  });
  /** The selection as the REST interface takes it; undefined for all. */
  readonly filters = $derived.by(() =>
    this.filterPage ? selectionOf(this.#order.slice(this.filterPage.first, this.filterPage.end)) : undefined,
  );
  readonly channels = $derived.by(() =>
    this.channelPage ? `${this.channelPage.first}-${this.channelPage.end - 1}` : undefined,
  );

  get pending(): boolean {
    return this.#numbers.pending;
  }
  get error(): unknown {
    return this.sort === 'change' || this.sort === 'activity' ? this.#numbers.error : null;
  }

  retry(): void {
    this.#numbers.retry();
  }

  /** Why the filters of this layer cannot have the order of that checkpoint; empty where they can. */
  whyNot(sort: SortBy, at = this.#store.checkpoint): string {
    const { layerInfo: layer, run } = this.#store;
    const hasKernels = layer?.sheet_shape != null;
    if (sort === 'norm' && !hasKernels) return 'the layer has no weights';
    if (sort === 'change') {
      if (!hasKernels) return 'the layer has no weights';
      if (this.#previousOf(at) === at) return 'there is no checkpoint before this one';
      if ((layer?.parameters ?? 0) > MAX_COMPARED) return 'too many weights to compare here';
    }
    if (sort === 'activity' && run?.checkpoints[at]?.statistics.test !== 'ready')
      return 'comes with the statistics: deepviz stats';
    return '';
  }

  setSort(sort: SortBy): void {
    const { checkpoint } = this.#store;
    const since = this.#previousOf(checkpoint);
    const isOrder = sort === 'order';
    this.#store.setOption('bank.sort', sort, 'order');
    this.#store.setOption('bank.at', isOrder ? '' : String(checkpoint), '');
    this.#store.setOption('bank.since', sort === 'change' ? String(since) : '', '');
    this.#store.setOption('bank.from', isOrder ? '' : '0', '');
  }

  turn(by: 1 | -1, ofChannels = false): void {
    const page = ofChannels ? this.channelPage : this.filterPage;
    if (!page || !this.size) return;
    const to = page.first + by * (ofChannels ? this.size.channels : this.size.filters);
    if (to < 0 || to >= page.total) return;
    this.#store.setOption(ofChannels ? 'bank.channels' : 'bank.from', String(to));
  }
}

async function changes(
  run: Run,
  layer: Layer,
  { at, since }: { at: number; since: number },
  signal: AbortSignal,
): Promise<Numbers> {
  const [filters, channels, high, wide] = layer.sheet_shape ?? [0, 0, 0, 0];
  const each = channels * high * wide;
  const step = Math.max(1, Math.floor(SLICE / each));
  const out: number[] = [];
  for (let first = 0; first < filters; first += step) {
    const part = `${first}-${Math.min(filters, first + step) - 1}`;
    const [now, then] = await Promise.all(
      [at, since].map((checkpoint) =>
        getValues(
          valuesUrl({
            run: run.id,
            checkpoint,
            hash: run.checkpoints[checkpoint].hash,
            layer: layer.name,
            filters: part,
          }),
          signal,
        ),
      ),
    );
    out.push(...changesOf(now.data, then.data, each));
  }
  return out;
}

/** The active fraction where a rectifier follows, else the mean activation. */
async function activity(run: Run, layer: string, at: number, signal: AbortSignal): Promise<Numbers> {
  const rectifier = rectifierOf(run.layers, layer);
  const answer = await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/activity', {
    run: run.id,
    checkpoint: at,
    layer: rectifier ?? layer,
    split: 'test',
  }).json(signal);
  return answer.filters.map((filter) => (rectifier ? 1 - filter.zeros : filter.mean));
}
