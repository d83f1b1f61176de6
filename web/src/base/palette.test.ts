import { expect, it } from 'vitest';
import { classColour, classOfColour, colourAt, contrastInk, inkOn, ramp, rgbFromHex } from './palette';

it('reads hex colours, short and long', () => {
  expect(rgbFromHex('#0e3768')).toEqual([14, 55, 104]);
  expect(rgbFromHex('#fff')).toEqual([255, 255, 255]);
});
it('runs through its stops', () => {
  const table = ramp([rgbFromHex('#000'), rgbFromHex('#fff')], 256);
  expect([...table.slice(0, 3)]).toEqual([0, 0, 0]);
  expect([...table.slice(-3)]).toEqual([255, 255, 255]);
  expect(colourAt(table, 0.5)).toBe('rgb(128 128 128)');
  expect(colourAt(table, 7)).toBe('rgb(255 255 255)');
});
it('keeps text readable on a shade', () => {
  expect(inkOn([220, 235, 253])).toBe('black');
  expect(inkOn([31, 60, 102])).toBe('white');
});
it('never repeats a class colour', () => {
  expect(classColour(3, 10)).toBe('var(--cat-3)');
  expect(classColour(42, 100)).toBe('var(--text-3)');
});
it('knows the class of a colour that is one class alone', () => {
  for (let k = 0; k < 10; k += 1) expect(classOfColour(classColour(k, 10))).toBe(k);
  expect(classOfColour(classColour(42, 100))).toBeNull();
  expect(classOfColour('var(--text-1)')).toBeNull();
});

it('small letters take the text with the greater contrast', () => {
  expect(contrastInk(rgbFromHex('#a67b00'))).toBe('black');
  expect(contrastInk(rgbFromHex('#b63f34'))).toBe('white');
  expect([contrastInk([118, 118, 118]), contrastInk([117, 117, 117])]).toEqual(['black', 'white']);
  expect(contrastInk([110, 110, 110])).toBe('white');
});
