/** How well layers and units tell two classes apart, as tables. Pure. */
import type { Separation } from '../../../api/types';
import type { Table } from '../../../state/exportData';

export function separationTables(found: Separation, names: readonly string[]): Table[] {
  const [a, b] = found.classes.map((index) => names[index] ?? String(index));
  return [
    {
      name: `Layers, ${a} and ${b}`,
      head: [
        'layer',
        'area, all units',
        'from',
        'to',
        'best unit',
        'its area',
        'its class',
        'area, median unit',
        'units',
        'measured at',
      ],
      rows: found.layers.map((layer) => [
        layer.layer,
        layer.probe_area,
        layer.probe_interval?.[0] ?? null,
        layer.probe_interval?.[1] ?? null,
        String(layer.best_unit),
        layer.best_area,
        names[layer.best_class] ?? String(layer.best_class),
        layer.median_area,
        layer.units,
        layer.measured_at,
      ]),
    },
    {
      name: `Units, ${a} and ${b}`,
      head: ['unit', 'layer', 'area', 'class', `mean, ${a}`, `mean, ${b}`, 'measured at'],
      rows: found.units.map((unit) => [
        String(unit.unit),
        unit.layer,
        unit.area,
        names[unit.class] ?? String(unit.class),
        unit.means[0] ?? null,
        unit.means[1] ?? null,
        unit.measured_at,
      ]),
    },
  ];
}
