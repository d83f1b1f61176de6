import { describe, expect, it } from 'vitest';
import { gridWidth } from '../../base/scales';
import { arrangeNarrow, targetGrid, TARGET_PX } from './narrow';

const conv = (filters: number, channels: number, kernel: number, side: number, from = 'data') => ({
  sheet_shape: [filters, channels, kernel, kernel] as [number, number, number, number],
  shape: { channels: filters, height: side, width: side },
  inputs: [from],
});

describe('one column', () => {
  it.each([
    [358, 8],
    [788, 16],
  ])('%i pixels hold %i targets in a row', (width, columns) => {
    for (const side of [5, 11, 32]) {
      const grid = targetGrid({ tiles: 64, tileWidth: side, tileHeight: side, gap: 1 }, width);
      expect(grid.columns).toBe(columns);
      expect(grid.tileWidth * grid.scaleX + grid.gap).toBeGreaterThanOrEqual(TARGET_PX);
      expect(gridWidth(grid)).toBeLessThanOrEqual(width);
    }
  });
  it('has weights, maps and the pinned filter below each other, none wider than the window', () => {
    for (const layer of [conv(32, 3, 5, 32), conv(64, 32, 5, 16, 'relu1'), conv(10, 64, 1, 1, 'relu4')]) {
      const places = arrangeNarrow(layer, 'data', 'both', 358);
      expect(places.stacked).toBe(true);
      expect([places.bank?.width, places.maps?.width, places.inspector.width]).toEqual([358, 358, 358]);
      expect(places.inspector.where).toBe('below');
    }
    expect(arrangeNarrow(conv(32, 3, 5, 32), 'data', 'filters', 358).maps).toBeNull();
    expect(arrangeNarrow(conv(32, 3, 5, 32), 'data', 'activations', 358).bank).toBeNull();
  });
});
