// Made-up runs for the tests of this folder.
import type { NetworkOutline, RunSummary } from '../../api/types';

export const NETWORKS: NetworkOutline[] = [
  {
    name: 'quick',
    parameters: 145_578,
    layers: [
      { type: 'conv', shape: { channels: 32, height: 32, width: 32 }, weights: true },
      { type: 'pool', shape: { channels: 32, height: 16, width: 16 }, weights: false },
      { type: 'conv', shape: { channels: 64, height: 16, width: 16 }, weights: true },
      { type: 'fc', shape: { channels: 10, height: 1, width: 1 }, weights: true },
    ],
  },
  { name: 'wide', parameters: 1_200_000, layers: [] },
];

export function madeRun(n: number, more: Partial<RunSummary> = {}): RunSummary {
  return {
    id: `run-${n}`,
    name: `run ${n}`,
    live: false,
    checkpoints: 51,
    classes: 10,
    image_shape: { channels: 3, height: 32, width: 32 },
    last_step: 1000,
    test_error: 0.2 + (n % 100) / 1000,
    divergence: null,
    state: 'finished',
    network: n % 2,
    corpus: { name: 'cifar10', identity: 'c', train: 50_000, test: 10_000 },
    source: null,
    modified: 1_796_035_148,
    settings: { 'train.rate': String(0.01 * (1 + (n % 3))), 'train.batch': '128', seed: String(n) },
    ...more,
  };
}
