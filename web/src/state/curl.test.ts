import { describe, expect, it } from 'vitest';
import { curl, savedAs } from './curl';

const at = 'http://127.0.0.1:7878/api/runs/demo/checkpoints/12/layers/conv1/filters';

describe('copy as curl', () => {
  it('names a file after what it shows', () => {
    expect(savedAs(`${at}/*/channels/*?v=1`)).toBe('conv1-weights-12.png');
    expect(savedAs(`${at}/*/channels/*/apply/6667?palette=grey`)).toBe('conv1-activations-of-6667-12.png');
    expect(savedAs(`${at}/0,1,2/channels/*`)).toBe('conv1-weights-filter0-1-2-12.png');
    expect(savedAs(`${at}/*/channels/*?format=f32`)).toBe('conv1-weights-12.f32');
    expect(savedAs('http://h/api/runs/a/layers/conv2/strip?checkpoints=1,2&apply=5')).toBe(
      'conv2-activations-of-5-1-2.png',
    );
    expect(savedAs('http://h/p/api/corpora/shapes/images/7/pixels?scale=2')).toBe('image-7.png');
    expect(savedAs('http://h/api/runs/demo/checkpoints/3/confusion?split=test')).toBeNull();
  });
  it('never writes two requests into one file, nor into one called *', () => {
    const lines = curl([
      `${at}/*/channels/*`,
      `${at}/*/channels/*?normalise=filter`,
      `${at}/*/channels/*/apply/1`,
    ]);
    const names = lines.split('\n').map((line) => / -o (\S+) /.exec(line)?.[1]);
    expect(names).toEqual(['conv1-weights-12.png', 'conv1-weights-12-2.png', 'conv1-activations-of-1-12.png']);
    expect(lines).not.toMatch(/-OJ/);
  });
  it('is quoted for a shell', () => {
    expect(curl(["http://h/api/runs/it's/metrics"])).toBe("curl 'http://h/api/runs/it'\\''s/metrics'");
  });
});
