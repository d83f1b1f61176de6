import { describe, expect, test } from 'vitest';
import type { ClusterCaption, ClusterCaptions, ClusterOverlap, Slice } from '../../../api/types';
import {
  captionSentence,
  cardCaption,
  differenceText,
  effectText,
  isSliceOf,
  ribbonParts,
  sameCluster,
  sideText,
  sizeText,
  sliceFromText,
  sliceOf,
  sliceText,
  sliceWords,
  valueText,
} from './makes';
import { makesTables } from './tables';

const background: ClusterCaption = {
  subject: 'property',
  name: 'background',
  text: 'dark background',
  measure: 'brightness of the background',
  inside: 0.2149,
  outside: 0.48,
  images: [131, 4869],
  effect: -1.424,
  interval: [-1.6, -1.25],
  repeats: null,
  side: 'below',
  threshold: 0.347_451_2,
};
const large: ClusterCaption = {
  ...background,
  subject: 'word',
  name: 'large',
  text: 'names with “large”',
  measure: 'share of images',
  inside: 0.62,
  outside: 0.2,
  effect: 0.89,
  interval: [0.35, 0.49],
  side: 'above',
  threshold: null,
};
const cat: ClusterCaption = { ...large, subject: 'class', name: 'cat', text: 'cat' };

describe('captions in words', () => {
  test('means in their units and shares in per cent', () => {
    expect(valueText(background, 0.2149)).toBe('0.21');
    expect(valueText(large, 0.2)).toBe('20 %');
    expect(valueText({ subject: 'property', name: 'blue' }, 0.414)).toBe('41 %');
    expect(valueText(large, 0.004)).toBe('0.4 %');
    expect(effectText(background)).toEqual({ value: '−1.42', interval: '−1.60 to −1.25' });
    expect(effectText(large)).toEqual({ value: '+42 pts', interval: '+35 to +49' });
    expect(captionSentence(background)).toBe(
      'brightness of the background 0.21 against 0.48; Hedges’ g −1.42 (−1.60 to −1.25), large',
    );
    expect([0.1, -0.5, 0.8].map(sizeText)).toEqual(['small', 'medium', 'large']);
  });

  test('a card does not say its class twice', () => {
    expect(cardCaption([cat, large, background])?.name).toBe('large');
    expect(cardCaption([cat])).toBeNull();
  });
});

describe('a slice in the address', () => {
  test('comes back as it was', () => {
    for (const key of [
      sliceOf(background),
      sliceOf(large),
      { subject: 'class', name: 'a~b, c', side: 'below', threshold: null } as const,
      { subject: 'property', name: 'across', side: 'above', threshold: -0.25 } as const,
    ])
      expect(sliceFromText(sliceText(key))).toEqual(key);
    expect(sliceText(sliceOf(background))).toBe('property~below~0.3475~background');
  });

  test('is read under the old name of its property', () => {
    expect(sliceFromText('property~below~0.35~ground')?.name).toBe('background');
    expect(sliceFromText('word~above~~ground')?.name).toBe('ground');
  });

  test('that is none is left alone', () => {
    for (const text of [
      '',
      'property',
      'property~below~~background',
      'property~below~x~background',
      'property~beside~1~background',
      'word~above~3~large',
      'word~above~~',
      'weight~above~1~x',
    ])
      expect(sliceFromText(text)).toBeNull();
  });

  test('belongs to its caption, whatever the threshold is at this checkpoint', () => {
    expect(isSliceOf({ ...sliceOf(background), threshold: 0.4 }, background)).toBe(true);
    expect(isSliceOf({ ...sliceOf(background), side: 'above' }, background)).toBe(false);
    expect(isSliceOf(null, background)).toBe(false);
  });
});

const side = (images: number, wrong: number): Slice['inside'] => ({
  images,
  wrong,
  error: images ? wrong / images : null,
  interval: images ? [0.1, 0.3] : null,
  examples: [],
});
const slice: Slice = {
  checkpoint: 4,
  split: 'test',
  text: 'dark background',
  measure: 'brightness of the background',
  measured: 300,
  undefined: 0,
  inside: side(100, 20),
  outside: side(200, 10),
  difference: { value: 0.15, interval: [0.07, 0.24] },
  within_classes: { value: 0.02, interval: [-0.01, 0.05] },
};

describe('a slice in words', () => {
  test('names its condition, its errors and their difference', () => {
    expect(sliceWords(sliceOf(background), slice)).toBe('brightness of the background below 0.347');
    expect(sliceWords({ ...sliceOf(background), side: 'above' }, slice)).toBe(
      'brightness of the background from 0.347 on',
    );
    expect(sliceWords(sliceOf(large), { text: large.text, measure: large.measure })).toBe(large.text);
    expect(sideText(slice.inside)).toBe('20.0 % (10.0 % to 30.0 %) of 100 images');
    expect(sideText(side(0, 0))).toBe('no images');
    expect(differenceText(slice.difference)).toEqual({
      text: '+15.0 points (+7.0 to +24.0)',
      isBeyondNoise: true,
    });
    expect(differenceText(slice.within_classes)?.isBeyondNoise).toBe(false);
    expect(differenceText(null)).toBeNull();
  });
});

const overlap: ClusterOverlap = {
  checkpoint: 4,
  split: 'test',
  layer: 'fc48',
  metric: 'cosine',
  cluster: 3,
  images: 100,
  to_layer: 'fc10',
  to_metric: 'euclidean',
  parts: [
    { cluster: 7, name: 'cat', class: 0, images: 50, size: 60 },
    { cluster: 2, name: 'dog', class: 1, images: 30, size: 90 },
    { cluster: 9, name: 'cat 2', class: 0, images: 15, size: 20 },
    { cluster: 1, name: 'frog', class: 2, images: 5, size: 400 },
  ],
};

describe('images in another set', () => {
  test('are stacked, the largest first, and the others together', () => {
    const found = ribbonParts(overlap, 2);
    expect(found.parts.map(({ cluster, top, height }) => [cluster, top, height])).toEqual([
      [7, 0, 0.5],
      [2, 0.5, 0.3],
    ]);
    expect(found.rest).toBeCloseTo(0.2);
    expect(found.others).toBe(2);
    expect(ribbonParts({ ...overlap, images: 0, parts: [] }, 3)).toEqual({ parts: [], rest: 1, others: 0 });
  });

  test('are the same cluster where more than half are in one', () => {
    expect(sameCluster(overlap)).toBeNull();
    expect(sameCluster({ images: 99, parts: overlap.parts })).toBe(7);
    expect(sameCluster({ images: 0, parts: [] })).toBeNull();
  });
});

test('everything is in the tables', () => {
  const captions: ClusterCaptions = {
    checkpoint: 4,
    split: 'test',
    layer: 'fc48',
    metric: 'cosine',
    against: 'rest',
    images: 300,
    measured: 300,
    comparisons: 27,
    clusters: [{ index: 3, class: null, images: [100, 200], captions: [background, { ...large, repeats: 0 }] }],
  };
  const tables = makesTables(captions, overlap, { key: sliceOf(background), slice });
  expect(tables.map((one) => [one.name, one.rows.length])).toEqual([
    ['What makes cluster 3', 2],
    ['Error by brightness of the background', 4],
    ['Images of cluster 3 in fc10, euclidean', 4],
  ]);
  for (const { head, rows } of tables) for (const row of rows) expect(row.length).toBe(head.length);
  expect(tables[0].rows[1].at(-1)).toBe('dark background');
  expect(tables[1].rows[3].slice(3)).toEqual([0.02, -0.01, 0.05]);
  expect(makesTables(null, null, null)).toEqual([]);
});
