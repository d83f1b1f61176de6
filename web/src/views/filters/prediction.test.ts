import { expect, it } from 'vitest';
import { parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { bars, spec } from './prediction';

const classes = ['cat', 'dog', 'ship'];
const input = { classes, shown: [0, 1, 2], now: [0.1, 0.85, 0.05], before: [0.3, 0.3, 0.4], trueClass: 1 };

it('marks the best class and keeps every class', () => {
  const rows = bars(input);
  expect(rows.map((r) => r.best)).toEqual([false, true, false]);
  expect(rows.map((r) => r.value)).toEqual(['0.100', '0.850', '0.050']);
  expect(bars({ ...input, now: null, before: null }).map((r) => [r.now, r.before, r.best])).toEqual([
    [0, -1, false],
    [0, -1, false],
    [0, -1, false],
  ]);
});

it('is a valid chart without compiled expressions, and moves its bars when data change', async () => {
  const view = new View(parse(spec(), undefined, { ast: true }), {
    expr: expressionInterpreter,
    renderer: 'none',
  });
  view.data('bars', bars(input));
  await view.width(236).height(54).runAsync();
  const widths = () =>
    (
      view.scenegraph() as unknown as {
        root: { items: { items: { marktype: string; items: { width: number }[] }[] }[] };
      }
    ).root.items[0].items
      .filter((m) => m.marktype === 'rect')[0]
      .items.map((i) => Math.round(i.width));
  expect(widths()).toEqual([11, 94, 6]);
  view.data('bars', bars({ ...input, now: [0.9, 0.05, 0.05] }));
  await view.runAsync();
  expect(widths()).toEqual([99, 6, 6]);
});
