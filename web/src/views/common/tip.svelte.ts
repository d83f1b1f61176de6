/**
 * The one tooltip. `showTip(event, 'filter 25', [['at', '2, 3'], 'a line of its own'])`: text only, never markup. The shell draws it.
 */
export interface Tip {
  x: number;
  y: number;
  head: string;
  /** Pairs of label and value; a bare string is a line of its own. */
  rows: (string | [string, string])[];
}

export const tip = $state<{ shown: Tip | null }>({ shown: null });

export function showTip(
  event: { clientX: number; clientY: number },
  head: string,
  rows: Tip['rows'] = [],
): void {
  tip.shown = { x: event.clientX, y: event.clientY, head, rows };
}

export function hideTip(): void {
  tip.shown = null;
}
