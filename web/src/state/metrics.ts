/** Appends to training curves of a growing run. Pure. */
import type { Metrics } from '../api/types';

/**
 * The step after which to request more. The last step is requested again: its minibatch is written before its test
 * result, and a request between the two has only the first.
 */
export function since(known: Metrics | null): number | undefined {
  const last = known?.train.step.at(-1);
  return last === undefined || last < 1 ? undefined : last - 1;
}

/** Appends new lines to the old ones; a line that is reported twice (same step) is stored once. */
export function joinMetrics(old: Metrics, news: Metrics): Metrics {
  const join = <T extends Record<string, number[]>>(a: T, b: T): T => {
    const after = a.step.at(-1) ?? -1;
    const from = b.step.findIndex((step) => step > after);
    if (from < 0) return a;
    return Object.fromEntries(
      Object.keys(a).map((key) => [key, [...a[key], ...(b[key] ?? []).slice(from)]]),
    ) as T;
  };
  return {
    // Fields about the run as a whole come with every answer.
    ...news,
    train: join(old.train as never, news.train as never),
    test: join(old.test as never, news.test as never),
    views: join(old.views as never, news.views as never),
  };
}
