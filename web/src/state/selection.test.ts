import { describe, expect, it } from 'vitest';
import { choicePatch, movePatch, optionPatch, peekPatch } from './selection';

const layers = [
  { name: 'conv1', filters: 32 },
  { name: 'fc', filters: 10 },
];
const now = { view: 'filters', layer: 'conv1', filter: 25, channel: 2, image: 5, before: 1 };

describe('a choice', () => {
  it('changes what it names alone', () => {
    expect(choicePatch(now, { image: 7, view: undefined }, layers)).toEqual({ image: 7 });
    expect(choicePatch(now, { filter: null, channel: null }, layers)).toEqual({ filter: null, channel: null });
    expect(choicePatch(now, { layer: 'conv1', channel: 1 }, layers)).toEqual({ layer: 'conv1', channel: 1 });
  });
  it('of another layer keeps a filter that it has, and no channel', () => {
    expect(choicePatch(now, { layer: 'fc' }, layers)).toEqual({ layer: 'fc', filter: 0, channel: null });
    const third = { ...now, filter: 3 };
    expect(choicePatch(third, { layer: 'fc' }, layers)).toEqual({ layer: 'fc', filter: 3, channel: null });
    expect(choicePatch({ ...now, filter: null }, { layer: 'fc' }, layers).filter).toBeNull();
    expect(choicePatch(now, { layer: 'fc', filter: 4, channel: 0 }, layers)).toEqual({
      layer: 'fc',
      filter: 4,
      channel: 0,
    });
  });
});

describe('the playhead', () => {
  const playhead = { checkpoint: 4, before: 1, held: null, direction: 1 as const };
  it('moves within the run and remembers the direction', () => {
    expect(movePatch(playhead, 2.4, 9)).toEqual({ held: null, direction: -1, checkpoint: 2 });
    expect(movePatch(playhead, 99, 9)).toEqual({ held: null, direction: 1, checkpoint: 9 });
    expect(movePatch({ ...playhead, direction: -1 }, 4, 9).direction).toBe(-1);
  });
  it('shows the reference while a key is held, and returns', () => {
    expect(peekPatch(playhead, true)).toEqual({ held: 4, checkpoint: 1 });
    expect(peekPatch(playhead, true, 3)).toEqual({ held: 4, checkpoint: 3 });
    expect(peekPatch({ ...playhead, held: 4, checkpoint: 1 }, false)).toEqual({ held: null, checkpoint: 4 });
    expect(peekPatch(playhead, false)).toBeNull();
    expect(peekPatch({ ...playhead, held: 4 }, true)).toBeNull();
  });
});

describe('options', () => {
  it('leave out a default', () => {
    expect(optionPatch({ a: '1' }, 'b', '2', '3')).toEqual({ a: '1', b: '2' });
    expect(optionPatch({ a: '1', b: '2' }, 'b', '3', '3')).toEqual({ a: '1' });
    expect(optionPatch({}, 'c', '')).toEqual({ c: '' });
  });
});
