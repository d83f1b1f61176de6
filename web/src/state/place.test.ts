import { describe, expect, it } from 'vitest';
import { chosenClass, hashFromPlace, isJourney, nowhere, placeFromHash } from './place';

describe('place', () => {
  it('survives the way through the address', () => {
    const place = {
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
    expect(placeFromHash(hashFromPlace(place))).toEqual(place);
    expect(hashFromPlace(place)).toContain('compare.rows=0,5,10');
  });
  it('knows last, and a released pin', () => {
    const place = placeFromHash('#checkpoint=last&filter=none');
    expect([place.checkpoint, place.filter]).toEqual(['last', 'none']);
  });
  it('leaves nonsense to the defaults', () => {
    expect(placeFromHash('#checkpoint=-3&image=dog&before=1e9')).toEqual(nowhere());
    expect(placeFromHash('')).toEqual(nowhere());
  });
  it('keeps scrubbing out of the history', () => {
    const from = placeFromHash('#view=filters&checkpoint=3&image=1');
    expect(isJourney(from, { ...from, checkpoint: 4 })).toBe(false);
    expect(isJourney(from, { ...from, image: 2 })).toBe(true);
    expect(isJourney(from, { ...from, view: 'clusters' })).toBe(true);
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
