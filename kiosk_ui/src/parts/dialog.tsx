import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface DialogProps {
  /** Id of the title inside. */
  title: string;
  urgent?: boolean;
  kind?: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A paper sheet over the darkened page. The first safe action has the focus; the page behind is inert. */
export function Dialog({ title, urgent = false, kind = "", onClose, children }: DialogProps) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current?.querySelector<HTMLElement>("[data-first]")?.focus({ preventScroll: true });
    return () => {
      // The page behind is inert until it is drawn again; a key of the sheet may have led to another page.
      setTimeout(() => {
        if (document.activeElement === document.body && before instanceof HTMLElement) before.focus({ preventScroll: true });
      });
    };
  }, []);
  return (
    <div class="sheet">
      <div
        ref={ref}
        class={`dialog ${kind}`}
        role={urgent ? "alertdialog" : "dialog"}
        aria-modal="true"
        aria-labelledby={title}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
      >
        {children}
      </div>
    </div>
  );
}
