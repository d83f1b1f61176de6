/** Shows the explanation of a term while the pointer rests on it. */
import { TERMS, termAt } from '../base/terms';
import { hideTip, showTip } from '../views/common/tip.svelte';

let pause: ReturnType<typeof setTimeout> | undefined;

export function explain(event: PointerEvent): void {
  clearTimeout(pause);
  const term = termAt(event.target);
  if (!term) return;
  pause = setTimeout(() => showTip(event, term, [TERMS[term]]), 350);
}

export function forget(event: PointerEvent): void {
  clearTimeout(pause);
  if (termAt(event.target)) hideTip();
}
