/** The titles of the views in the order of their tabs, for views that name others; `views/table.ts` loads them. */
export const VIEW_TITLES = [
  'Story',
  'Filters',
  'Confusion',
  'Clusters',
  'Compare',
  'Training',
  'Image',
] as const;
