import { describe, expect, it } from 'vitest';
import {
  addressToStore,
  checkpointOfUserSentence,
  fragmentOfLink,
  fragmentOfUserSentence,
  sentencesOfFile,
} from './link';

const userSentence = (address: string) => ({ text: 'a', note: '', address });

describe('links of sentences', () => {
  it('name the view, the checkpoint and what is chosen', () => {
    const link = {
      view: 'confusion',
      checkpoint: 7,
      layer: null,
      image: 3,
      options: { 'confusion.cell': '3-5', 'confusion.panel': 'apart' },
    };
    expect(fragmentOfLink('my run', link)).toBe(
      '#run=my+run&view=confusion&checkpoint=7&image=3&confusion.cell=3-5&confusion.panel=apart',
    );
  });
  it('of users open the run that they are shown in', () => {
    expect(fragmentOfUserSentence('b', userSentence('run=a&view=image&image=4'))).toBe(
      '#run=b&view=image&image=4',
    );
    expect(fragmentOfUserSentence('b', userSentence(''))).toBeNull();
    expect(checkpointOfUserSentence(userSentence('view=image&checkpoint=4'), 20)).toBe(4);
    expect(checkpointOfUserSentence(userSentence('view=image&checkpoint=last'), 20)).toBe(20);
    expect(checkpointOfUserSentence(userSentence('view=image&checkpoint=99'), 20)).toBe(20);
    expect(checkpointOfUserSentence(userSentence('view=image'), 20)).toBeNull();
  });
  it('are stored without the run, the theme and the presenter', () => {
    expect(
      addressToStore('#run=a&view=filters&checkpoint=3&theme=dark&present=1&story.at=2&scale=filter'),
    ).toBe('view=filters&checkpoint=3&scale=filter');
    expect(addressToStore('')).toBe('');
  });
});

describe('files of sentences', () => {
  it('are read as they are exported', () => {
    const text = JSON.stringify({ format: 1, run: 'a', sentences: [{ text: 'a' }] });
    expect(sentencesOfFile(text)).toEqual([userSentence('')]);
  });
  it.each([
    ['{', 'not JSON'],
    ['null', 'expected {"format": 1'],
    ['{"format":2,"sentences":[]}', 'expected {"format": 1'],
    ['{"format":1,"sentences":[{"text":3}]}', 'Sentence 1'],
    ['{"format":1,"sentences":[null]}', 'Sentence 1'],
  ])('%s is refused', (text, words) => {
    expect(() => sentencesOfFile(text)).toThrow(words);
  });
});
