/**
 * How large the filters of a layer are over the image, or why there are none there: asked once a layer of a run, since it
 * depends on the network alone.
 */
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../../api/client';
import { geometryOf } from '../../api/pictureUrls';
import type { Checkpoint, Run, SheetGeometry } from '../../api/types';

export interface PixelTile {
  width: number;
  height: number;
  /** Channels of the image. */
  channels: number;
}

export type PixelFilter = PixelTile | { refused: string };

const keyOf = (run: Run, layer: string): string => `${run.id}/${run.checkpoints[0]?.hash}/${layer}`;

class PixelFilters {
  readonly #known = new SvelteMap<string, PixelFilter>();
  readonly #asked = new Set<string>();

  /** Null while it is not known. */
  of(run: Run, layer: string): PixelFilter | null {
    return this.#known.get(keyOf(run, layer)) ?? null;
  }

  /** The size of the layer's filters; null while it is not known, and where there are none. */
  tileOf(run: Run, layer: string): PixelTile | null {
    const known = this.of(run, layer);
    return known && !('refused' in known) ? known : null;
  }

  /** Asks where it is not known; at a checkpoint that can be read. */
  ask(run: Run, { index, hash }: Checkpoint, layer: string): void {
    const key = keyOf(run, layer);
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    const known = run.layers.find((one) => one.name === layer);
    if (!known?.sheet_shape) {
      this.#known.set(key, { refused: `${layer}${known ? ` (${known.type})` : ''} has no filters of its own` });
      return;
    }
    geometryOf({ run: run.id, checkpoint: index, hash, layer, filters: '0', space: 'pixels' })
      .json()
      .then(
        (answer) => {
          const sheet = answer as SheetGeometry;
          const [width, height] = [sheet.tile_width, sheet.tile_height];
          this.#known.set(key, { width, height, channels: sheet.channels.length });
        },
        (error: unknown) => {
          if (error instanceof ApiError && error.status === 400)
            this.#known.set(key, { refused: error.problem.detail ?? error.problem.title });
          // After other failures it is requested again with the next checkpoint or layer.
          else this.#asked.delete(key);
        },
      );
  }
}

export const pixelFilters = new PixelFilters();
