import { expect, it } from 'vitest';
import { isBare, isDemo } from './tour';

it('shows around only those whose address names nothing to look at', () => {
  for (const hash of ['', '#', '#run=shapes-quick', '#run=shapes-quick&theme=light'])
    expect(isBare(hash)).toBe(true);
  for (const hash of ['#view=filters', '#run=a&checkpoint=3', '#image=7', '#confusion.cell=3-5'])
    expect(isBare(hash)).toBe(false);
});

it('knows the demo by its recipe and its corpus', () => {
  expect(isDemo({ name: 'shapes-quick', corpus: { name: 'shapes' } })).toBe(true);
  expect(isDemo({ name: 'shapes-quick', corpus: { name: 'mine' } })).toBe(false);
});
