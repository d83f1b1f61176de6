/** All images of all clusters of two checkpoints, from the members of each cluster. */
import { endpoint } from '../../../api/client';
import { clustersEndpoint, type SetChoice } from '../clusterSets.svelte';
import { cellsOf, type ClusterFlow, type FlowCluster } from './flow';

const PAGE = 10_000;

async function members(
  at: SetChoice & { run: string; checkpoint: number; cluster: number },
  signal: AbortSignal,
): Promise<number[]> {
  const ids: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/images', {
      ...at,
      limit: PAGE,
      cursor,
    }).json(signal);
    ids.push(...page.items.map((item) => item.id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return ids;
}

async function clustersOf(run: string, checkpoint: number, choice: SetChoice, signal: AbortSignal) {
  const set = await clustersEndpoint(run, checkpoint, choice).json(signal);
  const ids = await Promise.all(
    set.clusters.map(({ index }) => members({ ...choice, run, checkpoint, cluster: index }, signal)),
  );
  const clusters: FlowCluster[] = set.clusters.map(({ index, name, size, mix }) => ({
    index,
    name,
    size,
    mix,
  }));
  return { clusters, ids };
}

export async function readFlow(
  a: { run: string; checkpoint: number; choice: SetChoice },
  b: { run: string; checkpoint: number; choice: SetChoice },
  signal: AbortSignal,
): Promise<ClusterFlow> {
  const [ofA, ofB] = await Promise.all(
    [a, b].map(({ run, checkpoint, choice }) => clustersOf(run, checkpoint, choice, signal)),
  );
  const cells = cellsOf(ofA.ids, ofB.ids);
  return { a: ofA.clusters, b: ofB.clusters, cells, images: ofA.ids.flat().length };
}
