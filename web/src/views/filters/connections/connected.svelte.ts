/**
 * The connections of the pinned filter over the checkpoints, and the pictures of the units that are drawn: a layer's are
 * one picture, which follows the playhead as any sheet does.
 */
import { untrack } from 'svelte';
import { endpoint } from '../../../api/client';
import type { Picture } from '../../../api/pictures';
import { sheetUrl } from '../../../api/pictureUrls';
import type { ConnectionHistory, Normalise, Run } from '../../../api/types';
import { resource, type Resource } from '../../../state/resource.svelte';
import { sheets, type SheetChoice, type Sheets } from '../../../state/sheets.svelte';
import type { Store } from '../../../state/store.svelte';
import { tileOf } from '../data';
import { pixelFilters, type PixelTile } from '../pixelFilters.svelte';
import { byLayer, connectedOf, MAX_UNITS, type LayerUnits } from './connections';

export class Connections {
  readonly #store: Store;
  readonly #normalise: () => Normalise;
  readonly #answer: Resource<ConnectionHistory>;
  readonly #sheets: Sheets[];
  /** The pinned filter; of a locally connected layer, which has many filters for one map, the number of the map. */
  readonly filter = $derived.by(() => {
    const { filter, layerInfo } = this.#store;
    return filter === null ? null : filter % Math.max(1, layerInfo?.shape.channels ?? 1);
  });
  readonly url = $derived.by(() => {
    const { run, layer } = this.#store;
    if (!run || this.filter === null) return null;
    return requestOf(run, layer, this.filter).url;
  });
  readonly history = $derived.by(() => {
    const { value } = this.#answer;
    return value && value.layer === this.#store.layer && value.filter === this.filter ? value : null;
  });
  /** The answer, or the one before while it is in flight: nothing blanks on the way from unit to unit. */
  readonly shown = $derived.by(() => {
    const { value, key } = this.#answer;
    return key?.startsWith(`${this.#store.run?.id}/`) ? value : null;
  });
  readonly #layers = $derived.by((): LayerUnits[] => {
    const { shown: history } = this;
    if (!history) return [];
    return byLayer([history.unit, ...connectedOf(history, 'inputs'), ...connectedOf(history, 'outputs')]);
  });

  constructor(store: Store, normalise: () => Normalise) {
    this.#store = store;
    this.#normalise = normalise;
    this.#answer = resource(() => {
      const { run, layer } = store;
      const { filter } = this;
      if (!run || filter === null) return null;
      return {
        key: `${run.id}/${layer}/${filter}/${run.checkpoints.length}/${run.checkpoints.at(-1)?.hash}`,
        load: (signal) => read(run, layer, filter, signal),
      };
    });
    $effect(() => {
      const { run, now } = store;
      const input = run?.layers.find((layer) => layer.inputs.length === 0)?.name;
      if (!run || !now || now.problem) return;
      for (const { layer } of this.#layers)
        if (layer !== input) untrack(() => pixelFilters.ask(run, now, layer));
    });
    // The number of layers varies; there are never more than units.
    this.#sheets = Array.from({ length: 2 * MAX_UNITS + 1 }, (_, n) =>
      sheets(store, `connections.${n}`, () => this.#choiceOf(this.#layers[n])),
    );
  }

  get error(): unknown {
    return this.#answer.error;
  }
  get slow(): boolean {
    return this.#answer.slow;
  }
  retry(): void {
    this.#answer.retry();
  }

  #choiceOf(units: LayerUnits | undefined): SheetChoice | null {
    const { run, theme } = this.#store;
    const tile = run && units && pixelFilters.tileOf(run, units.layer);
    if (!tile) return null;
    return {
      layer: units.layer,
      filters: units.filters.join(','),
      space: 'pixels',
      normalise: this.#normalise(),
      palette: tile.channels === 3 ? 'auto' : theme === 'light' ? 'diverging-light' : 'diverging',
    };
  }

  /** The picture that a unit is in, and its tile there; null where there is none, or it has not come. */
  pictureOf(unit: { layer: string; filter: number }): { picture: Picture; index: number } | null {
    for (const { shown } of this.#sheets) {
      const sheet = shown?.picture.sheet;
      if (!sheet || shown.choice.layer !== unit.layer || !this.#layers.some((one) => one.layer === unit.layer))
        continue;
      const isOne = sheet.rgb || sheet.channels.length === 1;
      const index = isOne ? tileOf(sheet, unit.filter, null) : -1;
      if (index >= 0) return { picture: shown.picture, index };
    }
    return null;
  }

  /** The size of the pictures of a layer's units; null while it is not known, and where there are none. */
  tileOf(layer: string): PixelTile | null {
    const { run } = this.#store;
    return run && pixelFilters.tileOf(run, layer);
  }

  /** No picture will come for the units of this layer. */
  isBare(layer: string): boolean {
    const { run } = this.#store;
    const known = run && pixelFilters.of(run, layer);
    return known !== null && 'refused' in known;
  }

  /** Why units have no picture; empty where all have one. */
  get refused(): string {
    const { run } = this.#store;
    for (const { layer } of run ? this.#layers : []) {
      const known = run && pixelFilters.of(run, layer);
      if (known && 'refused' in known) return known.refused;
    }
    return '';
  }

  /** Addresses of what is shown. */
  requests(): string[] {
    const { run, now } = this.#store;
    if (!run || !now || !this.url) return [];
    const pictures = this.#layers.map((units) => this.#choiceOf(units));
    return [
      this.url,
      ...pictures.flatMap((choice) =>
        choice ? [sheetUrl({ ...choice, run: run.id, checkpoint: now.index, hash: now.hash })] : [],
      ),
    ];
  }
}

function requestOf(run: Run, layer: string, filter: number) {
  return endpoint('/api/runs/{run}/layers/{layer}/filters/{filter}/connections', {
    run: run.id,
    layer,
    filter: String(filter),
    limit: MAX_UNITS,
  });
}

/** The history of a run with one checkpoint, from the answer for that checkpoint. */
async function read(run: Run, layer: string, filter: number, signal: AbortSignal): Promise<ConnectionHistory> {
  if (run.checkpoints.length > 1) return requestOf(run, layer, filter).json(signal);
  const one = await endpoint(
    '/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/connections',
    { run: run.id, checkpoint: 0, layer, filter, limit: MAX_UNITS },
  ).json(signal);
  const overTime = ({ weight, ...unit }: (typeof one.inputs)[number]) => ({ ...unit, weights: [weight] });
  return {
    ...one,
    checkpoints: [one.checkpoint],
    left_out: [],
    inputs: one.inputs.map(overTime),
    outputs: one.outputs.map(overTime),
  };
}
