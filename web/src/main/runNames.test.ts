import { expect, it } from 'vitest';
import { cutNames } from './runNames';

const parts = (a: string, b: string) => cutNames(a, b).map(({ head, tail }) => `${head}|${tail}`);

it('keeps what differs, and the end in any case', () => {
  expect(parts('cifar10-80sec-seed1', 'cifar10-80sec-seed2')).toEqual([
    'cifar10-80sec-|seed1',
    'cifar10-80sec-|seed2',
  ]);
  expect(parts('cifar10-small-batches', 'cifar10-large-batches')).toEqual([
    'cifar10-|small-batches',
    'cifar10-|large-batches',
  ]);
  expect(parts('longname1', 'longname2')).toEqual(['long|name1', 'long|name2']);
});

it('cuts in the middle where names share little, or all', () => {
  expect(parts('resnet20', 'airbench94-modified')).toEqual(['|resnet20', 'airbench94-|modified']);
  expect(parts('the-same-run-name', 'the-same-run-name')).toEqual(['the-same-|run-name', 'the-same-|run-name']);
  expect(parts('a', '')).toEqual(['|a', '|']);
});
