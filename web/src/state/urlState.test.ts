import { describe, expect, it } from 'vitest';
import {
  chosenClass,
  emptyUrlState,
  hashFromUrlState,
  pushesHistory,
  sharedUrlState,
  urlStateFromHash,
} from './urlState';

describe('URL state', () => {
  it('survives the way through the address', () => {
    const state = {
      run: 'cifar10 80sec',
      view: 'compare',
      checkpoint: 31,
      before: 5,
      layer: 'conv1',
      filter: 25,
      channel: 2,
      image: 50084,
      options: { scale: 'timeline', 'compare.rows': '0,5,10' },
    };
    expect(urlStateFromHash(hashFromUrlState(state))).toEqual(state);
    expect(hashFromUrlState(state)).toContain('compare.rows=0,5,10');
  });
  it('knows last, and a released pin', () => {
    const state = urlStateFromHash('#checkpoint=last&filter=none');
    expect([state.checkpoint, state.filter]).toEqual(['last', 'none']);
  });
  it('leaves nonsense to the defaults', () => {
    expect(urlStateFromHash('#checkpoint=-3&image=dog&before=1e9')).toEqual(emptyUrlState());
    expect(urlStateFromHash('')).toEqual(emptyUrlState());
  });
  it('is handed on without the theme', () => {
    const state = urlStateFromHash('#view=image&image=7&scale=filter&theme=light');
    expect(hashFromUrlState(sharedUrlState(state))).toBe('#view=image&image=7&scale=filter');
  });
  it('keeps scrubbing out of the history', () => {
    const from = urlStateFromHash('#view=filters&checkpoint=3&image=1');
    expect(pushesHistory(from, { ...from, checkpoint: 4 })).toBe(false);
    expect(pushesHistory(from, { ...from, image: 2 })).toBe(true);
    expect(pushesHistory(from, { ...from, view: 'clusters' })).toBe(true);
  });
});

it('chooses a class that there is', () => {
  expect(chosenClass({ class: '3' }, 10)).toBe(3);
  expect([chosenClass({}, 10), chosenClass({ class: '10' }, 10), chosenClass({ class: 'cat' }, 10)]).toEqual([
    null,
    null,
    null,
  ]);
});
