import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TypeAhead } from './typeAhead';

let frames: (() => void)[] = [];
const frame = () => frames.splice(0).forEach((run) => run());
const key = (name: string, ctrlKey = false) => ({ key: name, ctrlKey, metaKey: false, altKey: false });

beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => frames.push(run));
  vi.stubGlobal('cancelAnimationFrame', () => (frames = []));
});
afterEach(() => vi.unstubAllGlobals());

function field() {
  const heard: string[] = [];
  const input = {
    value: 'old',
    focus: vi.fn(),
    select: vi.fn(),
    dispatchEvent: () => heard.push(input.value),
  };
  return { input, heard };
}

describe('keys before the field exists', () => {
  it('go into it, none of them lost', () => {
    const { input, heard } = field();
    let there = false;
    const ahead = new TypeAhead(() => (there ? (input as unknown as HTMLInputElement) : null));
    ahead.begin();
    for (const letter of 'birx') expect(ahead.take(key(letter))).toBe(true);
    frame();
    expect(ahead.take(key('Backspace'))).toBe(true);
    expect(ahead.take(key('d'))).toBe(true);
    there = true;
    frame();
    expect(heard).toEqual(['bird']);
    expect(input.focus).toHaveBeenCalledOnce();
    // From now on the field takes them itself.
    expect(ahead.take(key('s'))).toBe(false);
  });
  it('are none where the field exists at once: its text is selected, to be replaced', () => {
    const { input, heard } = field();
    new TypeAhead(() => input as unknown as HTMLInputElement).begin();
    expect(heard).toEqual([]);
    expect(input.select).toHaveBeenCalledOnce();
  });
  it('are commands again after Escape, without a search, and when the field never came', () => {
    const ahead = new TypeAhead(() => null);
    expect(ahead.take(key('b'))).toBe(false);
    ahead.begin();
    expect(ahead.take(key('b', true))).toBe(false);
    expect(ahead.take(key('ArrowLeft'))).toBe(false);
    expect(ahead.take(key('Escape'))).toBe(true);
    expect(ahead.take(key('b'))).toBe(false);
    ahead.begin(-1);
    expect(ahead.take(key('b'))).toBe(false);
  });
});
