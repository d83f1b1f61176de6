import { once } from '../state/lazyCode';

/** The code of the camera, read once. */
export const readCamera = once(() => import('./Camera.svelte'));
