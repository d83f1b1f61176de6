/** The drawing library of the large charts: loaded when the first is shown, or when the page is idle. */
import { once } from '../../state/lazyCode';

export const readVega = once(async () => {
  const [vega, { expressionInterpreter }] = await Promise.all([import('vega'), import('vega-interpreter')]);
  return { vega, expressionInterpreter };
});
