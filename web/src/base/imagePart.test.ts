import { describe, expect, it } from 'vitest';
import { inputWindow, isSharp, partOfImage, partOfTile } from './imagePart';

const size = (width: number, height: number) => ({ width, height });
const box = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });

describe('what the network sees of an image', () => {
  it('is all of it at its size, and at another of the same proportions', () => {
    expect(inputWindow(size(32, 32), size(32, 32))).toEqual(box(0, 0, 32, 32));
    expect(inputWindow(size(320, 200), size(160, 100))).toEqual(box(0, 0, 320, 200));
  });
  it('is the middle of a wide one and of a high one', () => {
    expect(inputWindow(size(500, 376), size(188, 188))).toEqual(box(62, 0, 376, 376));
    expect(inputWindow(size(100, 300), size(50, 50))).toEqual(box(0, 100, 100, 100));
    // 64 x 32 of a square: the middle half of its rows.
    expect(inputWindow(size(200, 200), size(64, 32))).toEqual(box(0, 50, 200, 100));
  });
});

describe('a patch', () => {
  it('lies in the image where it lies in what the network sees', () => {
    expect(partOfImage(box(3, 4, 5, 6), size(32, 32), size(32, 32))).toEqual(box(3, 4, 5, 6));
    // The square in the middle of 400 x 200 begins at 100; a pixel of the input is two of the image.
    expect(partOfImage(box(10, 20, 30, 40), size(100, 100), size(400, 200))).toEqual(box(120, 40, 60, 80));
  });
  it('lies in the tile of a small image as in the image', () => {
    expect(partOfTile(box(3, 4, 5, 5), size(48, 32), size(48, 32))).toEqual(box(3, 4, 5, 5));
  });
  it('lies in the square tile of a large image as in a square input', () => {
    expect(partOfTile(box(112, 0, 56, 112), size(224, 224), size(96, 96))).toEqual(box(48, 0, 24, 48));
  });
  it('is unknown for an oblong input in a square tile, which may be cropped', () => {
    expect(partOfTile(box(0, 0, 5, 5), size(320, 200), size(96, 96))).toBeNull();
    // Of images of 64 x 48 made square the tile is the whole image: its middle would have to be known.
    expect(partOfTile(box(0, 0, 5, 5), size(32, 32), size(64, 48))).toBeNull();
  });
  it('is sharp at its own pixels, and where it is not enlarged', () => {
    expect(isSharp(box(0, 0, 5, 5), box(0, 0, 5, 5), size(65, 65))).toBe(true);
    expect(isSharp(box(0, 0, 3, 3), box(0, 0, 7, 7), size(63, 63))).toBe(false);
    expect(isSharp(box(0, 0, 80, 80), box(0, 0, 190, 190), size(65, 65))).toBe(true);
  });
});
