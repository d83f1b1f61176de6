import { describe, expect, it } from 'vitest';
import { csv, fileName, gradientColours, ringOf, pngScale, wellFormed } from './save';

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
  it('has no number in a table where there is none', () => {
    expect(csv(['a', 'b', 'c'], [[NaN, -Infinity, 1e22]])).toBe('a,b,c\r\nnot finite,not finite,1e+22\r\n');
  });
  it('writes no text that a spreadsheet runs as a formula, and leaves numbers alone', () => {
    const texts = [
      "=cmd|' /C calc'!A0",
      '@SUM(1)',
      '+1+1',
      '-2+3',
      '\t=1',
      ' =1',
      '\r=1',
      '＝1',
      '-rf',
      '=HYPERLINK("a")',
    ];
    for (const text of texts) {
      const cell = csv(['a'], [[text]]).split('a\r\n')[1];
      expect(cell.replace(/^"/, '').startsWith("'"), text).toBe(true);
    }
    const numbers = ['-3', '+0.5', '-1e-5', '.5', '-12.5 %', '+3%', '1e22', 'cat', 'a=b', 'x-y', ''];
    for (const text of numbers) expect(csv([text], []), text).toBe(`${text}\r\n`);
    expect(csv(['n'], [[-3], [-1e-9]])).toBe('n\r\n-3\r\n-1e-9\r\n');
    // The head holds names of classes too.
    expect(csv(['=a'], [])).toBe("'=a\r\n");
  });
  it('leaves out of pictures what XML does not allow, and nothing else', () => {
    expect(wellFormed('a\u0007b\u001bc\ufffed\ud800e\0')).toBe('a\ufffdb\ufffdc\ufffdd\ufffde\ufffd');
    const kept = 'tab\t line\r\n <&"\'> \u202e\u2066 日本 😀 \u00a0';
    expect(wellFormed(kept)).toBe(kept);
  });
  it('names files plainly', () => {
    expect(fileName('cifar10-80sec conv1, checkpoint 50')).toBe('cifar10-80sec-conv1-checkpoint-50');
    expect(fileName('→ →')).toBe('deepviz');
  });
  it('reads what style sheets draw, as browsers compute it', () => {
    expect(gradientColours('linear-gradient(90deg, rgb(1, 2, 3), rgba(4, 5, 6, 0.5))')).toEqual([
      'rgb(1, 2, 3)',
      'rgba(4, 5, 6, 0.5)',
    ]);
    expect(gradientColours('linear-gradient(rgb(1, 2, 3), rgb(4, 5, 6))')).toEqual([]);
    expect(gradientColours('none')).toEqual([]);
    const inset = ringOf('rgb(1, 2, 3) 0px 0px 0px 1px inset');
    expect(inset).toEqual({ colour: 'rgb(1, 2, 3)', width: 1, inset: true });
    expect(ringOf('rgb(1, 2, 3) 0px 4px 12px 0px')).toBeNull();
    expect(ringOf('none')).toBeNull();
  });
});

describe('a large picture', () => {
  it('is as sharp as a canvas can hold, never cut', () => {
    expect(pngScale(1400, 2900)).toBe(2);
    expect(pngScale(1400, 12_000) * 12_000).toBeLessThanOrEqual(16_000);
    const scale = pngScale(9000, 9500);
    expect(scale).toBeGreaterThan(1);
    expect(9000 * 9500 * scale * scale).toBeLessThanOrEqual(128e6 + 1);
  });
});
