/** Parts of Story that are not in its first load. */
import { once } from '../../state/lazyCode';

export const readTwoStory = once(() => import('./two/TwoStory.svelte'));
