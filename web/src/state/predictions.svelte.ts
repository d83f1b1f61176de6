/**
 * The network's predictions for the selected image at every checkpoint. The statistics hold the whole history: one
 * request per image. Where they are missing (a live run, or none computed) single checkpoints are requested, throttled
 * while the playhead moves.
 *
 * `store.predictions.at(c)` gives probabilities per class or null while unknown; it is reactive.
 */
import { isAbort } from '../api/client';
import { endpoint } from '../api/client';
import { NOT_FINITE } from '../base/format';
import { AutoRetry } from './connection.svelte';
import { isOwnImage } from './imageId';
import { Throttle } from './throttle';
import type { Run } from '../api/types';

/** Least time between requests while the playhead moves: more answers per second cannot be read. */
const INTERVAL_MS = 60;

/** The state that predictions depend on. */
export interface PredictionInputs {
  readonly run: Run | null;
  readonly image: number | null;
  readonly checkpoint: number;
  /** The reference checkpoint. */
  readonly before: number;
  readonly statisticsVersion: number;
}

export class Predictions {
  readonly #inputs: PredictionInputs;
  #throttle = new Throttle(INTERVAL_MS);
  #table = $state.raw<Map<number, number[]>>(new Map());
  #problems = $state.raw<Map<number, string>>(new Map());
  #image: number | null = null;
  #statisticsVersion = -1;
  #asked = new Set<number>();
  #failed = $state.raw<unknown>(null);
  #abort = new AbortController();
  readonly #autoRetry = new AutoRetry(() => void this.update());

  constructor(inputs: PredictionInputs) {
    this.#inputs = inputs;
  }

  at(checkpoint: number): number[] | null {
    return this.#table.get(checkpoint) ?? null;
  }

  /** Why there is no prediction at a checkpoint: the outputs are not finite. */
  problemAt(checkpoint: number): string | null {
    return this.#problems.get(checkpoint) ?? null;
  }

  get failure(): unknown {
    return this.#failed;
  }

  /** Every checkpoint's probabilities that are known, in order. */
  series(): { checkpoint: number; probabilities: number[] }[] {
    return [...this.#table.keys()]
      .sort((a, b) => a - b)
      .map((c) => ({ checkpoint: c, probabilities: this.#table.get(c) ?? [] }));
  }

  clear(): void {
    this.#abort.abort();
    this.#autoRetry.done();
    this.#throttle.cancel();
    this.#abort = new AbortController();
    this.#image = null;
    this.#table = new Map();
    this.#problems = new Map();
    this.#asked.clear();
  }

  /** Called by the shell whenever image, checkpoint, before or statistics change. */
  async update(): Promise<void> {
    const { run, image, checkpoint, before, statisticsVersion } = this.#inputs;
    if (!run || image === null) return;
    if (image !== this.#image) {
      this.clear();
      this.#image = image;
      this.#statisticsVersion = -1;
    }
    if (this.#statisticsVersion !== statisticsVersion) {
      this.#statisticsVersion = statisticsVersion;
      await this.#readHistory(run.id, image);
    }
    void this.#readOne(run.id, image, before);
    // The playhead's checkpoint when the request is sent, not when it was scheduled.
    if (this.#isMissing(checkpoint))
      this.#throttle.run(() => void this.#readOne(run.id, image, this.#inputs.checkpoint));
    else this.#throttle.cancel();
  }

  #isMissing(checkpoint: number): boolean {
    const run = this.#inputs.run;
    const point = run?.checkpoints[checkpoint];
    if (!run?.corpus.available || !point || point.problem) return false;
    return !this.#table.has(checkpoint) && !this.#asked.has(checkpoint);
  }

  async #readHistory(run: string, image: number): Promise<void> {
    const { signal } = this.#abort;
    const hasStatistics = (this.#inputs.run?.checkpoints ?? []).some((c) =>
      Object.values(c.statistics).includes('ready'),
    );
    if (!hasStatistics && !isOwnImage(image)) return;
    try {
      const history = await endpoint('/api/runs/{run}/images/{image}/history', { run, image }).json(signal);
      if (signal.aborted) return;
      const table = new Map(this.#table);
      history.checkpoints.forEach((c, i) => table.set(c, history.probabilities[i]));
      this.#table = table;
    } catch (error) {
      if (isAbort(error)) return;
      // No statistics yet: each checkpoint is requested when it is shown.
      if (this.#autoRetry.failed(error)) this.#statisticsVersion = -1;
    }
  }

  async #readOne(run: string, image: number, checkpoint: number): Promise<void> {
    if (!this.#isMissing(checkpoint)) return;
    const { signal } = this.#abort;
    this.#asked.add(checkpoint);
    try {
      const { probabilities, problem } = await endpoint(
        '/api/runs/{run}/checkpoints/{checkpoint}/predict/{image}',
        { run, checkpoint, image },
      ).json(signal);
      if (signal.aborted) return;
      const known = probabilities.filter((p) => p !== null);
      if (problem === null && known.length === probabilities.length)
        this.#table = new Map(this.#table).set(checkpoint, known);
      else this.#problems = new Map(this.#problems).set(checkpoint, problem ?? NOT_FINITE);
      this.#failed = null;
    } catch (error) {
      if (isAbort(error)) return;
      this.#asked.delete(checkpoint);
      this.#failed = this.#autoRetry.failed(error) ? null : error;
    }
  }
}

/** The class with the highest probability; -1 for none. */
export function argmax(probabilities: readonly number[]): number {
  let best = -1;
  for (let k = 0; k < probabilities.length; k += 1)
    if (best < 0 || probabilities[k] > probabilities[best]) best = k;
  return best;
}
