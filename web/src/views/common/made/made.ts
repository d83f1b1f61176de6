/** How a picture of what a filter would like to see begins, in the address: `made=noise`, `made=image`; not made without. */
import type { Layer } from '../../../api/types';
import type { Store } from '../../../state/store.svelte';

export type MadeStart = '' | 'noise' | 'image';

export function madeStart(store: Store): MadeStart {
  const option = store.option('made', '');
  return option === 'noise' || option === 'image' ? option : '';
}

export const setMadeStart = (store: Store, start: MadeStart): void => store.setOption('made', start, '');

/** Why no picture can be made by gradients; null where it can. */
export function cannotBeMade(
  layers: readonly Pick<Layer, 'type' | 'inputs' | 'name'>[],
  layer: string,
): string | null {
  if (layers.some(({ type }) => type === 'external'))
    return 'Not for this network: a worker computes it, and gives no gradients.';
  const known = layers.find(({ name }) => name === layer);
  return known?.inputs.length === 0 ? 'This is the image itself.' : null;
}
