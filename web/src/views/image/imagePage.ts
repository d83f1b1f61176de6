/** The pages of Image, in the address as `image.page`. */
import type { Store } from '../../state/store.svelte';

export type ImagePage = '' | 'why' | 'remembers';

export function imagePage(store: Store): ImagePage {
  const option = store.option('image.page', '');
  return option === 'why' || option === 'remembers' ? option : '';
}
