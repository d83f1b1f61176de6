import { expect, it } from 'vitest';
import { cutMiddle, splitName } from './layerName';

it('keeps the end of a long name, where neighbours differ', () => {
  expect(splitName('layer4.0.downsample.0')).toEqual(['layer4.0.dow', 'nsample.0']);
  expect(splitName('layer4.1.conv2')).toEqual(['layer4.', '1.conv2']);
  expect(splitName('conv1')).toEqual(['conv1', '']);
});

it('cuts a name in its middle', () => {
  expect(cutMiddle('layer4.0.downsample.0', 11)).toBe('layer…ple.0');
  expect(cutMiddle('blocks.0.attn.qkv', 10)).toBe('bloc…n.qkv');
  expect(cutMiddle('conv1', 10)).toBe('conv1');
});
