/** Parts of Filters that are not in its first load. */
import { once } from '../../state/lazyCode';

export const readMatched = once(() => import('./matched/Matched.svelte'));
export const readConnections = once(() => import('./connections/Connections.svelte'));
export const readPresented = once(() => import('./Presented.svelte'));
export const readEffectByClass = once(() => import('./EffectByClass.svelte'));
export const readUnreadable = once(() => import('./Unreadable.svelte'));
export const readWouldLike = once(() => import('../common/made/WouldLike.svelte'));
