/** The drawing library of the large charts: read when the first is shown, or when the page rests. */
import { once } from '../../state/lazyCode';

export const readVega = once(async () => {
  const [vega, { expressionInterpreter }] = await Promise.all([import('vega'), import('vega-interpreter')]);
  return { vega, expressionInterpreter };
});
