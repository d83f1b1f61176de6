import { once } from '../state/lazyCode';

/** The code of the filter card, read once. */
export const readCard = once(() => import('../views/common/card/FilterCard.svelte'));
