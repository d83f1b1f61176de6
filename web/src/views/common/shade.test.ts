import { expect, it } from 'vitest';
import { ramp, rgbFromHex } from '../../base/palette';
import { contrast, shadeOf, shades } from './shade';

const THEMES = {
  dark: {
    stops: ['#0e0f11', '#16233a', '#1f3c66', '#2d5c99', '#4a86cf', '#8ab6ec', '#dcebfd'],
    text: '#eceef0',
  },
  light: {
    stops: ['#fcfcfb', '#e4edf8', '#bdd5ef', '#86b1e0', '#4a86c7', '#235d9d', '#0e3768'],
    text: '#16181a',
  },
};
const numbers = (colour: string) => colour.match(/\d+/g)!.slice(0, 3).map(Number) as [number, number, number];

it('keeps the count readable on every shade of both themes', () => {
  for (const { stops, text } of Object.values(THEMES)) {
    const table = shades(ramp(stops.map(rgbFromHex)), rgbFromHex(text));
    expect(table).toHaveLength(256);
    for (const { background, ink } of table) {
      expect(contrast(numbers(background), numbers(ink))).toBeGreaterThanOrEqual(4.5);
    }
  }
});

it('saturates at the limit', () => {
  const table = shades(ramp([rgbFromHex('#000'), rgbFromHex('#fff')]), [255, 255, 255]);
  expect(shadeOf(table, 0, 100).background).toBe('rgb(0 0 0)');
  expect(shadeOf(table, 100, 100).background).toBe('rgb(255 255 255)');
  expect(shadeOf(table, 900, 100).background).toBe('rgb(255 255 255)');
  expect(shadeOf(table, 1, 0).background).toBe('rgb(255 255 255)');
});
