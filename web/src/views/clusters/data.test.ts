import { describe, expect, it } from 'vitest';
import {
  atlasIds,
  chooseSet,
  newestClustered,
  dominant,
  isAnimated,
  mixName,
  mixParts,
  imageCaption,
  orderingCheckpoint,
  purity,
  rowEnd,
  cardGroups,
  clusterGrowth,
  orderCards,
  sizeHistory,
  sizeTop,
  otherClassColour,
  movedImages,
  type Cluster,
} from './data';

const cluster = (index: number, mix: number[], ids: number[] = []): Cluster => ({
  index,
  size: mix.reduce((a, b) => a + b, 0),
  mix,
  nearest: ids.map((id, n) => ({ id, distance: n / 10, true_class: 0 })),
});
const CLASSES = ['cat', 'dog', 'ship'];

describe('the mix', () => {
  it('is led by its most frequent class', () => {
    expect(dominant([1, 4, 4])).toBe(1);
    expect(purity(cluster(0, [1, 3, 0]))).toBe(0.75);
    expect(purity(cluster(0, [0, 0, 0]))).toBe(0);
    expect(mixParts([1, 0, 5])).toEqual([
      { class_index: 2, count: 5 },
      { class_index: 0, count: 1 },
    ]);
  });
  it('has a name in words', () => {
    const name = (...mix: number[]) => mixName(cluster(0, mix), CLASSES);
    expect(name(95, 3, 2)).toBe('cat');
    expect(name(70, 20, 10)).toBe('mostly cat');
    expect(name(50, 45, 5)).toBe('cat and dog');
    expect(name(0, 30, 31)).toBe('ship and dog');
    expect(mixName({ size: 100, mix: [26, 25, 25, 24] }, [...CLASSES, 'frog'])).toBe('cat, dog and ship');
    expect(name(0, 0, 0)).toBe('empty');
  });
});

describe('the order', () => {
  const clusteredCheckpoints = [0, 5, 10];
  it('is given by the requested checkpoint, in every order', () => {
    expect(orderingCheckpoint({ order: 'class', userCheckpoint: 5, shown: 5, clusteredCheckpoints })).toBe(5);
    expect(orderingCheckpoint({ order: 'mixed', userCheckpoint: 0, shown: 5, clusteredCheckpoints })).toBe(0);
  });
  it('is by class that of the end, by anything else that of the screen, without a choice of the user', () => {
    expect(orderingCheckpoint({ order: 'class', userCheckpoint: null, shown: 5, clusteredCheckpoints })).toBe(
      10,
    );
    expect(orderingCheckpoint({ order: 'grew', userCheckpoint: null, shown: 5, clusteredCheckpoints })).toBe(5);
    expect(orderingCheckpoint({ order: 'grew', userCheckpoint: null, shown: 7, clusteredCheckpoints })).toBe(
      10,
    );
    expect(
      orderingCheckpoint({ order: 'class', userCheckpoint: null, shown: 0, clusteredCheckpoints: [] }),
    ).toBeNull();
  });
});

describe('cards', () => {
  const now = [cluster(0, [1, 9, 0]), cluster(1, [6, 4, 0]), cluster(2, [9, 1, 0]), cluster(3, [0, 0, 4])];
  it('are ordered by class, then by purity', () => {
    expect(orderCards('class', now)).toEqual([2, 1, 0, 3]);
  });
  it('are ordered by how mixed, by how much they grew', () => {
    expect(orderCards('mixed', now)).toEqual([1, 0, 2, 3]);
    expect(orderCards('grew', now, [5, -9, 0, 3])).toEqual([0, 3, 2, 1]);
    expect(orderCards('grew', now)).toEqual([0, 1, 2, 3]);
  });
  it('grow by the difference of means, beyond the noise', () => {
    const sizes = [
      [900, 0, 0],
      [10, 50, 40],
      [12, 10, 42],
      [11, 30, 41],
      [30, 40, 40],
      [32, 60, 42],
      [31, 50, 41],
    ];
    const history = { checkpoints: sizes.map((_, n) => n), sizes, purity: [] };
    // Around 1: checkpoints 1 to 3. Around 6: 4 to 6. 31 - 11 = 20 is more than √(11 + 31) = 6.5; 50 - 30 = 20 is less
    // than √(400 + 100) = 22; the third stays.
    expect(clusterGrowth(history, { reference: 1, current: 6, beginsUntrained: true })).toEqual([20, 0, 0]);
    expect(clusterGrowth(history, { reference: 9, current: 6, beginsUntrained: true })).toEqual([0, 0, 0]);
    // A network that was trained before its first checkpoint is counted from there on.
    expect(clusterGrowth(history, { reference: 0, current: 6, beginsUntrained: false })[0]).toBe(0);
  });
  it('come in groups of one class', () => {
    expect(cardGroups([2, 1, 0, 3], now)).toEqual([
      { class_index: 0, first: 0, count: 2 },
      { class_index: 1, first: 2, count: 1 },
      { class_index: 2, first: 3, count: 1 },
    ]);
  });
});

describe('history', () => {
  const history = {
    checkpoints: [0, 1, 2, 3],
    sizes: [
      [900, 0],
      [5, 7],
      [6, 6],
      [4, 8],
    ],
    purity: [
      [0.1, 0],
      [0.4, 1],
      [0.5, 1],
      [1, 0.5],
    ],
  };
  it('has one top that ignores the untrained start', () => expect(sizeTop(history)).toBe(8));
  it('follows a cluster', () => {
    expect(sizeHistory(history, 1)).toEqual({ size: [0, 7, 6, 8], main: [0, 7, 6, 4] });
  });
});

describe('travel', () => {
  const from = [cluster(0, [2, 0, 0], [10, 11, 12]), cluster(1, [2, 0, 0], [20, 21])];
  const to = [cluster(0, [2, 0, 0], [10, 12, 20]), cluster(1, [2, 0, 0], [21, 30])];
  it('knows who moved and who stayed', () => {
    expect(movedImages(from, to, 20)).toEqual([
      { id: 12, from: { cluster: 0, slot: 2 }, to: { cluster: 0, slot: 1 } },
      { id: 20, from: { cluster: 1, slot: 0 }, to: { cluster: 0, slot: 2 } },
      { id: 21, from: { cluster: 1, slot: 1 }, to: { cluster: 1, slot: 0 } },
    ]);
  });
  it('happens on single steps by hand only', () => {
    const step = { from: 4, to: 5, playing: false, reduced_motion: false, since_last_ms: 1000 };
    expect(isAnimated(step)).toBe(true);
    expect(isAnimated({ ...step, to: 6 })).toBe(false);
    expect(isAnimated({ ...step, playing: true })).toBe(false);
    expect(isAnimated({ ...step, reduced_motion: true })).toBe(false);
    expect(isAnimated({ ...step, since_last_ms: 50 })).toBe(false);
  });
  it('requests every image once', () =>
    expect(atlasIds([...from, ...to], 2)).toEqual([10, 11, 20, 21, 12, 30]));
});

it('chooses the set of the address, else the first', () => {
  const sets = [
    { layer: 'fc64', metric: 'cosine' },
    { layer: 'fc10', metric: 'euclidean' },
  ];
  expect(chooseSet(sets, 'fc10.euclidean')).toBe(sets[1]);
  expect(chooseSet(sets, 'fc10.cosine')).toBe(sets[0]);
  expect(chooseSet([], null)).toBeNull();
});

it('falls back to the newest checkpoint with clusters', () => {
  expect([0, 4, 5, 99].map((c) => newestClustered([1, 4, 9], c))).toEqual([1, 4, 4, 9]);
  expect(newestClustered([], 3)).toBeNull();
});

it('opens below the whole row', () => {
  expect([rowEnd(0, 3, 30), rowEnd(2, 3, 30), rowEnd(3, 3, 30), rowEnd(29, 4, 30)]).toEqual([2, 2, 5, 29]);
});

it('underlines images of other classes only, and names every image', () => {
  const near = { id: 7, distance: 0.25, true_class: 1 };
  expect([otherClassColour(near, 1, 3), otherClassColour(near, 0, 3)]).toEqual([null, 'var(--cat-1)']);
  expect(otherClassColour({ ...near, true_class: null }, 0, 3)).toBeNull();
  expect(imageCaption(near, CLASSES)).toBe('#7  dog  0.250 away');
  expect(imageCaption(undefined, CLASSES)).toBe('');
});
