import type { RefObject } from "preact";

import { Icon } from "./pictures";

interface FieldProps {
  id: string;
  label: string;
  value: string;
  onInput: (value: string) => void;
  field: RefObject<HTMLInputElement | null>;
  onTap?: () => void;
  onEnter?: () => void;
  error?: string;
  hint?: string;
  icon?: string;
  aside?: string;
  hideLabel?: boolean;
  first?: boolean;
  maxLength?: number;
}

/** The Tab key selects the whole text, and the next letter would then replace it: the caret goes to the end instead. */
function unselect(input: HTMLInputElement): void {
  const all = input.value.length;
  if (input.selectionStart === 0 && input.selectionEnd === all) input.setSelectionRange(all, all);
}

/** A field with its label above, never inside. The system keyboard stays away: the page has its own. */
export function Field(props: FieldProps) {
  const { id, label, value, onInput, field, error, hint, icon, aside } = props;
  const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label class={props.hideLabel ? "vh" : ""} for={id}>
        {label}
      </label>
      {hint && (
        <p class="hint soft" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <div class={error ? "input is-error" : "input"}>
        {icon && <Icon name={icon} />}
        <input
          id={id}
          ref={field}
          type="text"
          inputMode="none"
          autocomplete="off"
          spellcheck={false}
          maxLength={props.maxLength ?? 120}
          value={value}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
          {...(props.first ? { "data-focus": "" } : {})}
          onInput={(event) => onInput(event.currentTarget.value)}
          onFocus={(event) => {
            const input = event.currentTarget;
            setTimeout(() => unselect(input));
          }}
          onClick={() => props.onTap?.()}
          onKeyDown={(event) => {
            if (event.key === "Enter") props.onEnter?.();
          }}
        />
        {aside && (
          <span class="aside soft" role="status">
            {aside}
          </span>
        )}
      </div>
      {error && (
        <p class="err" id={`${id}-error`} role="alert">
          <Icon name="warn" />
          {error}
        </p>
      )}
    </div>
  );
}
