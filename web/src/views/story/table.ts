/** The story as a table. Pure. */
import type { Table } from '../../state/exportData';
import type { Told } from '../common/story/story.svelte';

export const storyTable = (
  told: readonly Pick<Told, 'text' | 'evidence' | 'checkpoint' | 'view' | 'own'>[],
): Table => ({
  name: 'Story',
  head: ['sentence', 'evidence', 'checkpoint', 'view', 'added by a user'],
  rows: told.map((one) => [one.text, one.evidence, one.checkpoint, one.view, one.own === null ? 'no' : 'yes']),
});
