import { expect, it } from 'vitest';
import { lineage, lineageWords, type TracedCluster } from './lineage';

const cluster = (index: number, ...from: [number, number][]): TracedCluster => ({
  index,
  size: from.reduce((sum, [, images]) => sum + images, 0),
  name: '',
  from: from.map(([of, images]) => ({ cluster: of, images })),
});
const words = (clusters: TracedCluster[], index: number) =>
  lineageWords(lineage(clusters, index), index, { size: clusters[index].size, previous: 4 });

it('follows images both ways', () => {
  const set = [cluster(0, [0, 80], [1, 5]), cluster(1, [1, 60], [0, 20])];
  expect(lineage(set, 0)).toEqual({
    from: [
      { cluster: 0, images: 80 },
      { cluster: 1, images: 5 },
    ],
    to: [
      { cluster: 0, images: 80 },
      { cluster: 1, images: 20 },
    ],
    held: 100,
    stayed: 80,
  });
  expect(words(set, 0)).toBe('94 % of its images were already in it at 4');
});

it('describes clusters that were split, merged and newly formed', () => {
  expect(words([cluster(0, [0, 50]), cluster(1, [1, 90], [0, 40])], 0)).toBe('split: much of it went to 01');
  expect(words([cluster(0, [0, 50], [1, 50]), cluster(1, [1, 90])], 0)).toBe('merged with part of 01');
  expect(words([cluster(0, [1, 50]), cluster(1, [1, 90], [0, 1])], 0)).toBe(
    'took in much of 01, gave much to 01',
  );
  expect(words([cluster(0, [0, 10]), cluster(1)], 1)).toBe('empty');
  expect(words([cluster(0, [1, 10]), cluster(1, [1, 90])], 0)).toBe('empty at 4');
  expect(words([cluster(0, [0, 60], [1, 20], [2, 20]), cluster(1, [0, 20]), cluster(2, [0, 25])], 0)).toBe(
    '60 % of its images were already in it at 4',
  );
  const parts: [number, number][] = [1, 2, 3, 4, 5].map((of) => [of, 20]);
  expect(words([cluster(0, [0, 20], ...parts), cluster(1, [0, 20], [1, 90])], 0)).toBe(
    'split: much of it went to 01',
  );
});
