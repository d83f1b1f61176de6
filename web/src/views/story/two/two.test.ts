import { expect, it } from 'vitest';
import type { ComparedErrors, MatchedUnits } from '../../../api/types';
import type { ComparedLayers } from '../../common/runs/layers';
import { SMALL } from '../../common/story/picture';
import { costRule, differences, duration, isSeedAlone, settingsRule, soonerRule } from './course';
import { cellRules, errorRule, intervalWords, recallRule, sameImagesRule } from './errors';
import { layersRule, oppositeLayers, unitsRule } from './inside';
import { layoutBars, layoutTwoCurves } from './picture';
import { shipRule, tell } from './ship';
import type { End, TwoFacts } from './tell';

const curve = (errors: number[], each = 1) =>
  errors.map((test_error, index) => ({
    index,
    epoch: index * each,
    step: index * 100,
    images_seen: index * 1000,
    test_error,
    problem: null,
    diverged: false,
  }));
const end = (id: string, errors: number[], more: Partial<End> = {}): End => {
  const checkpoints = curve(errors) as unknown as End['run']['checkpoints'];
  return {
    run: { id, name: id, layers: [], checkpoints, live: false },
    point: checkpoints[checkpoints.length - 1],
    settings: { seed: id, 'train.batch': '64' },
    network: 0,
    corpus: { name: 'shapes', identity: 'x' },
    parameters: 55186,
    imagesPerSecond: 700,
    seconds: 120,
    ...more,
  };
};
const cell = (at: [number, number], only_a: number, only_b: number, p: number, significant = true) => ({
  true_class: at[0],
  predicted: at[1],
  only_a,
  only_b,
  p,
  significant,
});
const errors: ComparedErrors = {
  checkpoint: 4,
  b: { run: 'two', checkpoint: 4 },
  split: 'test',
  images: 2000,
  classes: ['cat', 'dog'],
  both: 1644,
  only_a: 70,
  only_b: 117,
  neither: 169,
  p: 0.0007,
  error: [0.143, 0.1195],
  difference_interval: [0.0102, 0.0371],
  counts: {
    a: [
      [900, 100],
      [186, 814],
    ],
    b: [
      [939, 61],
      [178, 822],
    ],
  },
  cells: [cell([0, 0], 10, 49, 0.0001), cell([0, 1], 49, 10, 0.0001), cell([1, 0], 20, 12, 0.2, false)],
};
const noise: ComparedErrors = {
  ...errors,
  p: 0.4,
  error: [0.143, 0.139],
  difference_interval: [-0.004, 0.012],
  cells: [cell([1, 0], 20, 12, 0.2, false)],
};
const facts = (more: Partial<TwoFacts> = {}): TwoFacts => ({
  a: end('one', [0.9, 0.5, 0.3, 0.2, 0.143]),
  b: end('two', [0.9, 0.3, 0.14, 0.13, 0.1195]),
  errors,
  layers: null,
  units: null,
  ...more,
});
const textOf = (one: object): string => ('text' in one ? String(one.text) : '');

it('says which errs less, and when that is noise', () => {
  const one = errorRule(facts(), errors);
  expect(one.text).toBe(
    'B errs on 11.95 % of the test images, A on 14.30 %: 2.35 points less, more than noise',
  );
  expect(one.detail).toContain('70 are right in A only, 117 in B only (McNemar’s exact test, p 0.0007)');
  expect(one.detail).toContain('not of training again');
  expect(one.href).toContain('view=confusion');
  expect(one.href).toContain('checkpoint=4');
  expect(one.href).toContain('b.run=two');
  expect(one.href).toContain('b.checkpoint=4');
  expect(errorRule(facts(), noise).text).toMatch(/^No difference beyond noise: A errs on 14.30 %/);
  const same = { ...noise, only_a: 0, only_b: 0, p: 1, error: [0.1, 0.1] };
  expect(errorRule(facts(), same).text).toBe('A and B are right on the same images: both err on 10.00 %');
  expect(intervalWords(errors)).toBe('1.0 to 3.7 points more in A');
  expect(intervalWords(noise)).toBe('between 0.4 points fewer and 1.2 more in A');
  expect(intervalWords({ ...errors, difference_interval: [-0.18, -0.07] })).toBe(
    '7.0 to 18.0 points fewer in A',
  );
});

it('names confusions that differ, with their cell, or says that none does', () => {
  const [one, ...more] = cellRules(facts(), errors);
  expect(one.text).toBe('cat as dog: 100 in A, 61 in B, more than noise');
  expect(one.href).toContain('confusion.two=0-1');
  expect(more).toEqual([]);
  const [none] = cellRules(facts(), noise);
  expect(none.text).toContain('beyond noise');
  expect(none.detail).toBe(
    'The largest difference is dog as cat: 186 in A, 178 in B (p 0.20, one of 4 cells).',
  );
});

it('names classes that one run recognises better', () => {
  expect(textOf(recallRule(facts(), errors))).toBe('B recognises more of cat');
  expect(recallRule(facts(), noise)).toEqual({
    id: 'classes',
    reason: 'no class is recognised better by one, beyond noise',
  });
  expect(textOf(sameImagesRule(facts(), errors))).toBe(
    'They err partly on the same images: of 356 that either gets wrong, both get 169 wrong',
  );
});

it('says which run was as good sooner', () => {
  const one = soonerRule(facts(), 2000);
  expect(textOf(one)).toBe('B was as good as A ends (14.3 %) already at epoch 2.0 of 4');
  expect('detail' in one && one.detail).toContain('uncertain by ± 1.5 points');
  const alike = facts({ b: end('two', [0.9, 0.5, 0.3, 0.14, 0.1195]) });
  expect(textOf(soonerRule(alike, 2000))).toBe(
    'Neither learns sooner beyond noise: 14.3 % at epoch 4.0 in A, epoch 3.0 in B',
  );
  // The lead of two checkpoints is within the spread of a single one.
  const close = facts({
    a: end('one', [0.9, 0.5, 0.15, 0.152, 0.143]),
    b: end('two', [0.9, 0.3, 0.14, 0.13, 0.12]),
  });
  expect(textOf(soonerRule(close, 2000))).toMatch(/^Neither learns sooner beyond noise/);
  expect(textOf(soonerRule(close, 50_000))).toMatch(/^B was as good as A ends/);
  const early = facts({
    a: end('one', [0.9, 0.14, 0.12, 0.15, 0.143]),
    b: end('two', [0.9, 0.6, 0.5, 0.3, 0.12]),
  });
  expect(textOf(soonerRule(early, 2000))).toBe(
    'A came to 14.3 % sooner, at epoch 1.0, but ends no better than that',
  );
  expect(soonerRule(facts({ b: end('two', [0.9, 0.12]) }), 2000)).toHaveProperty('reason');
});

it('says which costs more, and calls equal costs the same', () => {
  expect(textOf(costRule(facts()))).toBe('Both are of the same size and saw as many images');
  const large = facts({ a: end('one', [0.9, 0.5, 0.1], { parameters: 126928, seconds: 480 }) });
  expect(textOf(costRule(large))).toBe('A has 2.3 times the parameters of B and trained 4.0 times as long');
  const mixed = facts({ a: end('one', [0.9, 0.5, 0.1], { parameters: 126928, seconds: 30 }) });
  expect(textOf(costRule(mixed))).toBe('A has 2.3 times the parameters of B; B trained 4.0 times as long');
  expect([42, 372, 7200].map(duration)).toEqual(['42 seconds', '6.2 minutes', '2.0 hours']);
});

it('distinguishes two seeds of one recipe from two recipes', () => {
  expect(isSeedAlone(facts())).toBe(true);
  expect(textOf(settingsRule(facts()))).toContain('seed alone');
  const other = facts({
    b: end('two', [0.9, 0.5, 0.1], { network: 1, settings: { seed: 'one', 'train.batch': '8' } }),
  });
  expect(isSeedAlone(other)).toBe(false);
  expect(differences(other)?.map(([name]) => name)).toEqual(['network', 'batch']);
  expect(settingsRule(facts({ a: end('one', [1], { settings: null }) }))).toHaveProperty('reason');
});

const layers = (cka: number[]): ComparedLayers => ({
  images: 1000,
  a: ['conv1', 'conv2', 'fc'],
  b: ['stem', 'block', 'head'],
  features: { a: [], b: [] },
  left_out: 0,
  cka: cka.map((value, n) => [0, 1, 2].map((at) => (at === n ? value : 0))),
  cka_interval: cka.map((value) => [0, 1, 2].map(() => [value - 0.02, value + 0.02] as [number, number])),
  procrustes: [],
  proposed: [0, 1, 2],
});

it('names the layers that respond alike', () => {
  const text = (cka: number[]) => textOf(layersRule(facts(), layers(cka)));
  expect(oppositeLayers(layers([0.95, 0.7, 0.41])).map(({ a, b }) => [a, b])).toEqual([
    ['conv1', 'stem'],
    ['conv2', 'block'],
    ['fc', 'head'],
  ]);
  expect(text([0.95, 0.7, 0.41])).toBe(
    'The first layers see the same (conv1, CKA 0.95), the last do not (fc, CKA 0.41)',
  );
  expect(text([0.95, 0.9, 0.85])).toBe('All layers see much the same: CKA 0.85 to 0.95');
  expect(text([0.3, 0.2, 0.1])).toBe('No layer sees the same in both: CKA 0.10 to 0.30');
  expect(text([0.7, 0.69, 0.71])).toBe('The layers see about equally alike: CKA 0.69 to 0.71');
  expect(text([0.7, 0.9, 0.6])).toBe('conv2 sees most alike in both (CKA 0.90), fc least (0.60)');
});

const units = (layer: string, all: number, mutual: number): MatchedUnits => ({
  checkpoint: 4,
  b: { run: 'two', checkpoint: 4 },
  layer,
  b_layer: layer,
  measured_at: [layer, layer],
  images: 1000,
  split: 'test',
  grid: [8, 8],
  chance: 0.2,
  units: [all, all],
  silent: [[], []],
  pairs: Array.from({ length: all }, (_, n) => ({ a: n, b: n, correlation: 0.6, mutual: n < mutual })),
  unmatched: { a: [], b: [] },
});

it('says how many filters have a match in the other run', () => {
  const found = [units('conv1', 16, 10), units('conv3', 32, 5)];
  const one = unitsRule(facts(), found);
  expect(textOf(one)).toBe(
    '15 of 48 filters of A find one in B, each the other’s best match: most in conv1 (10 of 16), fewest in conv3 (5 of 32)',
  );
  expect('href' in one && one.href).toContain('layer=conv1');
  expect(textOf(unitsRule(facts(), [units('conv1', 16, 16)]))).toBe('All 16 filters have their like in B');
});

it('says which to ship, as far as numbers can', () => {
  const text = (more: Partial<TwoFacts>) => shipRule(facts(more)).text;
  expect(text({})).toBe('Ship B: 2.35 points less error at the same size');
  expect(shipRule(facts()).detail).toContain('says nothing of the recipe');
  const large = end('two', [0.9, 0.1, 0.1], { parameters: 2 * 55186 });
  expect(text({ b: large })).toBe(
    'Ship B if its size can be afforded: 2.35 points less error for 2.0 times the parameters',
  );
  expect(shipRule(facts({ b: large })).detail).toContain('One training of each');
  const small = end('two', [0.9, 0.1, 0.1], { parameters: 55186 / 4 });
  expect(text({ b: small })).toBe('Ship B: 2.35 points less error with 25 % of the parameters');
  expect(text({ errors: noise })).toBe('Ship either: nothing beyond noise tells them apart in error or size');
  expect(text({ errors: noise, b: large })).toBe(
    'Ship A, the smaller: no difference in error beyond noise, 50 % of the parameters',
  );
  expect(text({ errors: null })).toContain('cannot be compared');
  const one = end('one', [0.9, 0.5, 0.3]);
  expect(shipRule(facts({ b: one })).detail).toContain('checkpoints of one training');
});

it('has all rules in order; those of one run alone keep silent', () => {
  const all = { layers: layers([0.95, 0.7, 0.41]), units: [units('conv1', 16, 10)] };
  expect(tell(facts(all)).entries.map((one) => one.key)).toEqual([
    ...['error', 'cell-0-1', 'classes', 'images', 'learning', 'cost', 'settings', 'layers', 'filters'],
  ]);
  const one = tell(facts({ ...all, b: end('one', [0.9, 0.5, 0.3]) }));
  expect(one.silent.map(({ id }) => id)).toEqual(['learning', 'cost', 'settings']);
  expect(tell(facts({ errors: null })).entries.map((entries) => entries.key)).toEqual([
    'learning',
    'cost',
    'settings',
  ]);
});

it('draws bars within the frame, and leaves names out where rows are too close', () => {
  const row = (label: string) => ({ label, values: [{ of: 'both' as const, value: 0.5, text: '0.50' }] });
  const few = layoutBars({ kind: 'bars', rows: ['conv1', 'conv2'].map(row), max: 1 }, SMALL);
  expect(few.bars.map((bar) => bar.label)).toEqual(['conv1', 'conv2']);
  for (const bar of few.bars) expect(few.x + bar.width).toBeLessThan(SMALL.width);
  expect(few.height).toBeLessThanOrEqual(SMALL.height);
  const many = layoutBars(
    { kind: 'bars', rows: Array.from({ length: 20 }, (_, n) => row(`l${n}`)), max: 1 },
    SMALL,
  );
  expect(many.height).toBeLessThanOrEqual(SMALL.height + 1);
  expect(many.bars.filter((bar) => bar.label !== null).map((bar) => bar.label)).toEqual(['l0', 'l19']);
});

it('draws both curves on one axis, with names that do not meet', () => {
  const line = (of: 'a' | 'b', last: number) => ({
    of,
    points: [
      { x: 0, y: 0.9 },
      { x: of === 'a' ? 8 : 4, y: last },
    ],
  });
  const drawn = layoutTwoCurves(
    {
      kind: 'curves',
      unit: 'epoch',
      lines: [line('a', 0.143), line('b', 0.12)],
      target: 0.143,
      marks: [{ of: 'b', x: 4 }],
    },
    SMALL,
  );
  const [a, b] = drawn.lines;
  expect(Math.abs(a.end.y - b.end.y)).toBeGreaterThanOrEqual(SMALL.text * 1.05);
  expect(drawn.marks[0].x).toBeCloseTo(drawn.plot.width / 2);
  expect([drawn.top, drawn.from, drawn.to]).toEqual(['95 %', 'epoch 0', '8']);
});
