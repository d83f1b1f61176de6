import { describe, expect, it } from 'vitest';
import { csv, fileName } from './save';

describe('taking away', () => {
  it('writes tables that spreadsheets read', () => {
    expect(
      csv(
        ['class', 'n'],
        [
          ['cat, tabby', 3],
          ['the "dog"', null],
        ],
      ),
    ).toBe('class,n\r\n"cat, tabby",3\r\n"the ""dog""",\r\n');
  });
  it('names files plainly', () => {
    expect(fileName('cifar10-80sec conv1, checkpoint 50')).toBe('cifar10-80sec-conv1-checkpoint-50');
    expect(fileName('→ →')).toBe('deepviz');
  });
});
