import type { ComponentChildren } from "preact";

import { Icon } from "./pictures";

interface KeyProps {
  children?: ComponentChildren;
  icon?: string;
  /** A second icon after the words, as on a key that goes on. */
  kind?: string;
  onPress: () => void;
  pressed?: boolean;
  label?: string;
  first?: boolean;
  disabled?: boolean;
  filled?: boolean;
}

/** A key one can press: solid lower edge, word and icon together. */
export function Key({ children, icon, kind = "", onPress, pressed, label, first, disabled = false, filled = false }: KeyProps) {
  return (
    <button
      type="button"
      class={`btn ${kind}`}
      onClick={onPress}
      disabled={disabled}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      {...(label === undefined ? {} : { "aria-label": label })}
      {...(first ? { "data-first": "" } : {})}
    >
      {icon && <Icon name={icon} filled={filled} />}
      {children !== undefined && <span>{children}</span>}
    </button>
  );
}
