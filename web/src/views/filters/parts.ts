/** Parts of Filters that are not in its first load. */
import { once } from '../../state/lazyCode';

export const readMatched = once(() => import('./matched/Matched.svelte'));
export const readConnections = once(() => import('./connections/Connections.svelte'));
export const readWouldLike = once(() => import('../common/made/WouldLike.svelte'));
