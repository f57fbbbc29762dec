/** One way to press everything: on release, on the same target, once.

 A finger that trembles inside the target still presses; one that slides off cancels; a second tap on the same target
 too soon is ignored. The browser's own click after a touch is swallowed, or a new screen would get it. */

export interface PressRules {
  /** A second press of the same target sooner than this is the same press, ms. */
  repeat: number;
  /** The same for letters, which people do type twice. */
  keyRepeat: number;
  /** A touch shorter than this brushed the screen, ms. */
  hold: number;
}

export const USUAL: PressRules = { repeat: 400, keyRepeat: 120, hold: 0 };
export const SLOW: PressRules = { repeat: 1000, keyRepeat: 800, hold: 150 };

interface Down {
  target: HTMLElement | null;
  pointer: number;
  at: number;
}

export class Press {
  private down: Down | null = null;
  private last: { target: EventTarget | null; at: number } = { target: null, at: -Infinity };

  constructor(
    private readonly rules: () => PressRules,
    /** Called once for each touch that was let go, with the target it pressed, if any. */
    private readonly touched: (target: HTMLElement | null) => void,
  ) {}

  listen(document: Document): void {
    const on = <K extends keyof DocumentEventMap>(kind: K, act: (event: DocumentEventMap[K]) => void) => {
      document.addEventListener(kind, act, { capture: true });
    };
    on("pointerdown", (event) => this.begin(event));
    on("pointermove", (event) => this.follow(event));
    on("pointerup", (event) => this.release(event));
    on("pointercancel", () => this.drop());
    on("click", (event) => this.clicked(event));
    for (const kind of ["contextmenu", "dragstart"] as const) on(kind, (event) => event.preventDefault());
    // The mouse events a browser makes up after a touch would give the focus to whatever stands there by then.
    const noMouse = (event: TouchEvent) => {
      if (pressable(event.target)) event.preventDefault();
    };
    document.addEventListener("touchstart", noMouse, { capture: true, passive: false });
    // A key of the keyboard must not take the caret away from the field.
    on("mousedown", (event) => {
      if (event.target instanceof Element && event.target.closest(".kbd")) event.preventDefault();
    });
  }

  private begin(event: PointerEvent): void {
    if (!event.isPrimary || event.button !== 0) return;
    this.drop();
    this.down = { target: pressable(event.target), pointer: event.pointerId, at: event.timeStamp };
    this.down.target?.setAttribute("data-pressed", "");
  }

  private follow(event: PointerEvent): void {
    const down = this.down;
    if (down?.pointer !== event.pointerId) return;
    down.target?.toggleAttribute("data-pressed", under(event) === down.target);
  }

  private release(event: PointerEvent): void {
    const down = this.down;
    if (down?.pointer !== event.pointerId) return;
    this.drop();
    const target = down.target && under(event) === down.target ? down.target : null;
    const firm = event.timeStamp - down.at >= this.rules().hold;
    this.touched(target);
    if (target && firm && target.isConnected && this.fresh(target, event.timeStamp)) target.click();
  }

  private drop(): void {
    this.down?.target?.removeAttribute("data-pressed");
    this.down = null;
  }

  /** Our own clicks pass; those of a finger were decided at release; those of the Enter key follow the same rule. */
  private clicked(event: MouseEvent): void {
    const target = pressable(event.target);
    if (!event.isTrusted || !target) return;
    const finger = event.detail > 0;
    if (!finger && this.fresh(target, event.timeStamp)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
  }

  private fresh(target: HTMLElement, at: number): boolean {
    const wait = target.closest(".kbd") ? this.rules().keyRepeat : this.rules().repeat;
    if (target === this.last.target && at - this.last.at < wait) return false;
    this.last = { target, at };
    return true;
  }
}

function pressable(target: EventTarget | null): HTMLElement | null {
  const found = target instanceof Element ? target.closest<HTMLElement>("button") : null;
  return found && !(found as HTMLButtonElement).disabled ? found : null;
}

function under(event: PointerEvent): HTMLElement | null {
  return pressable(document.elementFromPoint(event.clientX, event.clientY));
}
