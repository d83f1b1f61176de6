import { describe, expect, it } from 'vitest';
import { formatMarks, nextMark, parseMarks, toggledMark } from './marks';

describe('marks', () => {
  it('survive the way through the address, in order, each once', () => {
    const marks = parseMarks('40:rate drop,5:edges appear,17');
    expect(marks).toEqual([
      { checkpoint: 5, name: 'edges appear' },
      { checkpoint: 17, name: '' },
      { checkpoint: 40, name: 'rate drop' },
    ]);
    expect(parseMarks(formatMarks(marks))).toEqual(marks);
    expect(parseMarks('5:a,5:b')).toEqual([{ checkpoint: 5, name: 'b' }]);
  });
  it('hold no sign that parts them', () => {
    expect(formatMarks([{ checkpoint: 3, name: ' a,b: c ' }])).toBe('3:a b c');
    expect(parseMarks('x,-3,4:ok,')).toEqual([{ checkpoint: 4, name: 'ok' }]);
  });
  it('are set and taken away by the same key', () => {
    const one = toggledMark([], 7);
    expect(one).toEqual([{ checkpoint: 7, name: '' }]);
    expect(toggledMark(one, 7)).toEqual([]);
  });
  it('are stepped through', () => {
    const marks = parseMarks('3,9,20');
    expect([nextMark(marks, 9, 1), nextMark(marks, 9, -1), nextMark(marks, 20, 1)]).toEqual([20, 3, null]);
  });
});
