/**
 * Input modality of the focus: pointer or keyboard. A control that was clicked keeps the focus, but Space then plays; a
 * control that was reached by keys is pressed by Space, as usual.
 */
const MOVES_WITHIN = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End']);
/** Elements that Space activates, without text fields. */
const PRESSED = 'button, a, summary, input[type=checkbox], input[type=radio]';

type Press = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'> & { target: EventTarget | null };

const isPressed = (target: EventTarget | null): boolean => target instanceof Element && target.matches(PRESSED);

export class InputModality {
  #byPointer = false;

  pointed(): void {
    this.#byPointer = true;
  }

  /** Called for every key press, before other handlers. Tab, and arrow keys within a grid, make it keyboard focus. */
  pressed({ key, target }: Pick<Press, 'key' | 'target'>): void {
    if (key === 'Tab' || (MOVES_WITHIN.has(key) && target instanceof Element && !isPressed(target)))
      this.#byPointer = false;
  }

  /** True where this press of Space belongs to the page although a control has the focus. */
  isFree(event: Press): boolean {
    if (event.key !== ' ' || event.ctrlKey || event.metaKey || event.altKey || !this.#byPointer) return false;
    const { target } = event;
    if (!(target instanceof Element) || target === target.ownerDocument.body) return false;
    return isPressed(target) || target.matches('[role=listbox], [role=grid], [role=gridcell], [role=option]');
  }
}
