/** Parts of Confusion that are not in its first load. */
import { once } from '../../state/lazyCode';

export const readReview = once(() => import('./review/Review.svelte'));
export const readTwoRuns = once(() => import('./two/TwoRuns.svelte'));
