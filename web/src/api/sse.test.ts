import { describe, expect, it } from 'vitest';
import { readEvents, type ServerEvent } from './sse';

const body = (...pieces: string[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });

async function read(...pieces: string[]): Promise<{ events: ServerEvent[]; beats: number }> {
  const events: ServerEvent[] = [];
  let beats = 0;
  await readEvents(
    body(...pieces),
    (event) => events.push(event),
    () => (beats += 1),
  );
  return { events, beats };
}

describe('server-sent events', () => {
  it('are read wherever the network cuts them', async () => {
    const text =
      'event: checkpoint\ndata: {"index":3}\n\n: still here\n\nevent: state\r\ndata: {"live":false}\r\n\r\n';
    const expected = [
      { name: 'checkpoint', data: '{"index":3}' },
      { name: 'state', data: '{"live":false}' },
    ];
    expect((await read(text)).events).toEqual(expected);
    expect((await read(...text.replace(/\r/g, ''))).events).toEqual(expected);
  });
  it('are none without data; several lines of it are one event', async () => {
    expect((await read('event: a\n\ndata: x\ndata: y\n\n')).events).toEqual([
      { name: 'message', data: 'x\ny' },
    ]);
  });
  it('that are cut off are none, and comments are heartbeats', async () => {
    expect(await read(':\n\n', 'event: a\ndata: 1\n')).toEqual({ events: [], beats: 2 });
  });
});
