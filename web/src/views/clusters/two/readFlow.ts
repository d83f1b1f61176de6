/** All images of all clusters of two checkpoints, from the members of each cluster; with B's clusters as they are shown. */
import { endpoint } from '../../../api/client';
import type { ClusterSet } from '../../../api/types';
import { clustersEndpoint, type SetChoice } from '../clusterSets.svelte';
import { cellsOf, type ClusterFlow, type FlowCluster } from './flow';

const PAGE = 10_000;

interface ClustersAt {
  run: string;
  checkpoint: number;
  choice: SetChoice;
}

async function members(
  at: SetChoice & { run: string; checkpoint: number; cluster: number },
  signal?: AbortSignal,
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

async function clustersOf({ run, checkpoint, choice }: ClustersAt, signal?: AbortSignal) {
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
  return { set, clusters, ids };
}

export async function readFlowAndSet(
  a: ClustersAt,
  b: ClustersAt,
  signal?: AbortSignal,
): Promise<{ flow: ClusterFlow; set: ClusterSet }> {
  const [ofA, ofB] = await Promise.all([a, b].map((at) => clustersOf(at, signal)));
  const cells = cellsOf(ofA.ids, ofB.ids);
  const flow = { a: ofA.clusters, b: ofB.clusters, cells, images: ofA.ids.flat().length };
  return { flow, set: ofB.set };
}

export const readFlow = async (a: ClustersAt, b: ClustersAt, signal?: AbortSignal): Promise<ClusterFlow> =>
  (await readFlowAndSet(a, b, signal)).flow;
