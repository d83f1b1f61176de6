/** Reading server-sent events from the body of an answer: https://html.spec.whatwg.org/multipage/server-sent-events.html */

export interface ServerEvent {
  name: string;
  data: string;
}

/**
 * Hands every event on until the body ends; throws what the body throws. `onActivity` is called for everything that
 * arrives, comments included, which the server sends as keep-alive.
 */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  onEvent: (event: ServerEvent) => void,
  onActivity: () => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let name = '';
  let data: string[] = [];
  const line = (text: string) => {
    if (text === '') {
      if (data.length) onEvent({ name: name || 'message', data: data.join('\n') });
      name = '';
      data = [];
      return;
    }
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
  };
  for (;;) {
    const { done, value } = await reader.read();
    // An event that is not ended by an empty line was cut off: it is no event.
    if (done) return;
    onActivity();
    const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    lines.forEach(line);
  }
}
