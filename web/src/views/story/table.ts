/** The story as a table. Pure. */
import type { Table } from '../../state/exportData';
import type { StoryEntry } from '../common/story/story.svelte';

export const storyTable = (
  entries: readonly Pick<StoryEntry, 'text' | 'detail' | 'checkpoint' | 'view' | 'userIndex'>[],
): Table => ({
  name: 'Story',
  head: ['sentence', 'evidence', 'checkpoint', 'view', 'added by a user'],
  rows: entries.map((one) => [
    one.text,
    one.detail,
    one.checkpoint,
    one.view,
    one.userIndex === null ? 'no' : 'yes',
  ]),
});
