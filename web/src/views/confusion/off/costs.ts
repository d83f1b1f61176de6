// The effects of a layer's units on a class as a table. Pure.
import type { LayerAblation } from '../../../api/types';
import { formatCount } from '../../../base/format';
import type { Table } from '../../../state/exportData';
import { effectsOn, type SetTo } from '../../common/ablation/effect';

export function costTable(
  answer: LayerAblation,
  { class_index, names, to }: { class_index: number; names: readonly string[]; to: SetTo },
): Table {
  const { layer, images, filters } = answer;
  return {
    name: `${names[class_index]} without units of ${layer}`,
    head: [
      'unit',
      `lost of ${formatCount(images[class_index])}`,
      'gained',
      'change',
      '± 95 %',
      'beyond noise',
      'change of the logit',
    ],
    rows: effectsOn(filters, class_index, to).map(({ filter, lost, gained, net, half, beyondNoise }) => [
      filter,
      lost,
      gained,
      -net,
      Number(half.toFixed(1)),
      beyondNoise ? 'yes' : 'no',
      filters[filter][to].logits[class_index] ?? null,
    ]),
    unitOf: (row) => ({ layer, filter: Number(row[0]) }),
  };
}
