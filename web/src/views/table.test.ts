import { expect, it } from 'vitest';
import { VIEW_TITLES } from '../state/viewTitles';
import { report, viewNamed, views } from './table';

it('the views have their titles in order, and a name that there is not means Filters', () => {
  expect(views.map((view) => view.title)).toEqual(VIEW_TITLES);
  expect(['image', 'report', 'none', ''].map((name) => viewNamed(name).name)).toEqual([
    'image',
    report.name,
    'filters',
    'filters',
  ]);
});
