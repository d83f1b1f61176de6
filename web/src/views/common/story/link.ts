/** Addresses of the views that sentences link to: URL fragments, from `#` on. Pure. */
import type { OwnSentence, StoryLink } from '../../../api/types';
import { emptyUrlState, hashFromUrlState, urlStateFromHash } from '../../../state/urlState';

/** The fragment of a found sentence's view. */
export function fragmentOfLink(run: string, link: StoryLink): string {
  return hashFromUrlState({
    ...emptyUrlState(),
    run,
    view: link.view,
    checkpoint: link.checkpoint,
    layer: link.layer,
    image: link.image,
    options: { ...link.options },
  });
}

/** The fragment of a user's sentence, in this run; null where it has no link. */
export function fragmentOfUserSentence(run: string, { address }: OwnSentence): string | null {
  return address === '' ? null : hashFromUrlState({ ...urlStateFromHash(address), run });
}

/** The checkpoint that a user's sentence is about; null where it names none. */
export function checkpointOfUserSentence({ address }: OwnSentence, last: number): number | null {
  const { checkpoint } = urlStateFromHash(address);
  return checkpoint === 'last' ? last : checkpoint === null ? null : Math.min(last, checkpoint);
}

/** The part of an address that is stored with a sentence: all but the run, the theme and the presenter's keys. */
export function addressToStore(hash: string): string {
  const state = urlStateFromHash(hash);
  const options = Object.fromEntries(
    Object.entries(state.options).filter(
      ([key]) => !['theme', 'present', 'story.at', 'story.from'].includes(key),
    ),
  );
  return hashFromUrlState({ ...state, run: null, options }).slice(1);
}

/**
 * The sentences of a file that was exported, or of the one that the server stores beside a run. Throws an error whose
 * message tells the user what is wrong with the file; the server checks each sentence.
 */
export function sentencesOfFile(text: string): OwnSentence[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`The file is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const { format, sentences } = (parsed ?? {}) as { format?: unknown; sentences?: unknown };
  if (format !== 1 || !Array.isArray(sentences))
    throw new Error(
      'The file holds no sentences: expected {"format": 1, "sentences": [...]}, as Export writes it.',
    );
  return sentences.map((one: unknown, n) => {
    const { text: words, note = '', address = '' } = (one ?? {}) as Partial<Record<keyof OwnSentence, unknown>>;
    if (typeof words !== 'string' || typeof note !== 'string' || typeof address !== 'string')
      throw new Error(`Sentence ${n + 1} of the file needs a text; note and address are texts, too.`);
    return { text: words, note, address };
  });
}
