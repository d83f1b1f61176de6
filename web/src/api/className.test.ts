import { describe, expect, it } from 'vitest';
import { classText } from './className';

describe('the text of a class', () => {
  it('is its number where no class is called so', () => {
    expect(classText(['cat', 'dog'], 1)).toBe('1');
    expect(classText([], 3)).toBe('3');
  });

  it('is its number after # where another class is called that number', () => {
    const classes = ['1', '2', '10'];
    expect(classes.map((_, index) => classText(classes, index))).toEqual(['0', '#1', '#2']);
    expect(classText(['0', '1'], 1)).toBe('1');
  });

  it('is its name where even that exists already', () => {
    expect(classText(['a', '0', '#0'], 0)).toBe('a');
  });
});
