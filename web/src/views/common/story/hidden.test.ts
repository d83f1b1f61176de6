// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { readHidden, writeHidden } from './hidden';

it('hidden sentences are stored per run', () => {
  writeHidden('a', new Set(['pairs', 'labels']));
  expect([...readHidden('a')]).toEqual(['pairs', 'labels']);
  expect(readHidden('b').size).toBe(0);
  writeHidden('a', new Set());
  expect(localStorage.length).toBe(0);
});

it('an invalid value in the storage hides nothing', () => {
  for (const text of ['{', '{"a":1}', '[1,null]']) {
    localStorage.setItem('deepviz.story.hidden.a', text);
    expect(readHidden('a').size).toBe(0);
  }
});
