/** The requests behind the Filters view, for its export. Pure. */
import { endpoint } from '../../api/client';
import { sheetUrl, type SheetRequest } from '../../api/pictureUrls';

/** Addresses of the weights, of what the layer makes of the image, and of the prediction. */
export function filterRequests(
  layer: SheetRequest,
  { hasWeights, channels, image }: { hasWeights: boolean; channels: string | undefined; image: number | null },
): string[] {
  const { run, checkpoint } = layer;
  const weights = hasWeights ? [sheetUrl({ ...layer, channels })] : [];
  if (image === null) return weights;
  const predicted = endpoint('/api/runs/{run}/checkpoints/{checkpoint}/predict/{image}', {
    run,
    checkpoint,
    image,
  });
  return [...weights, sheetUrl({ ...layer, apply: image, palette: 'grey' }), predicted.url];
}
