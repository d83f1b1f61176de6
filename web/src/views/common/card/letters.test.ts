import { expect, test } from 'vitest';
import { classLetters } from './letters';

test('each class has the shortest letters that no other begins with', () => {
  const cifar = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');
  expect(classLetters(cifar).join(' ')).toBe('ai au b c de do f h s t');
});

test('names that begin alike get their numbers', () => {
  expect(classLetters(['n01440764', 'n01443537', 'zebra'])).toEqual(['0', '1', 'z']);
  expect(classLetters(['a', 'ab', 'abcd', 'a'])).toEqual(['0', 'ab', 'abc', '3']);
  expect(classLetters(['', 'x'])).toEqual(['0', 'x']);
});
