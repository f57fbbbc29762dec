/** The keyboard in the page: system keyboards fail on kiosks. Real buttons, reachable by Tab, named for a voice. */

import { useEffect, useRef } from "preact/hooks";
import SimpleKeyboard from "simple-keyboard";

import icons from "../pictures/icons.svg?raw";
import { t } from "../texts";
import { layerAfter, LAYOUTS, opens, type Layer, type LayoutName } from "./layouts";

const drawing = (name: string) => {
  const inner = new RegExp(`<symbol id="${name}"[^>]*>(.*?)</symbol>`).exec(icons)?.[1] ?? "";
  return `<svg class="ic" viewBox="0 0 32 32" aria-hidden="true">${inner}</svg>`;
};

const FACES: Record<string, string> = {
  "{bksp}": drawing("del"), "{shift}": drawing("shift"), "{accents}": "é à ç", "{circumflex}": "ê ë", "{digits}": "123",
  "{letters}": "abc",
};

const NAMES: Record<string, string> = {
  "{bksp}": "keyboard.backspace", "{shift}": "keyboard.shift", "{accents}": "keyboard.accents",
  "{circumflex}": "keyboard.circumflex", "{digits}": "keyboard.digits", "{letters}": "keyboard.letters",
  "’": "keyboard.apostrophe", "-": "keyboard.hyphen", "@": "keyboard.at", ".": "keyboard.dot", "_": "keyboard.underscore",
  "+": "keyboard.plus",
};

export interface KeysProps {
  layout: LayoutName;
  /** The field being filled: the last one that had the focus. */
  field: () => HTMLInputElement | null;
}

/** Types into the field at its caret, as a hand on a real keyboard would: the field's own `input` event follows. */
export function type(field: HTMLInputElement | null, text: string): void {
  if (!field) return;
  const start = field.selectionStart ?? field.value.length;
  const end = field.selectionEnd ?? start;
  if (text === "{bksp}") field.setRangeText("", start === end ? before(field.value, start) : start, end, "end");
  else if (field.maxLength < 0 || field.value.length + text.length <= field.maxLength) field.setRangeText(text, start, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Where the character before `at` begins: one made of two code units goes whole. */
function before(value: string, at: number): number {
  const last = Array.from(value.slice(0, at)).at(-1);
  return at - (last?.length ?? 0);
}

export default function Keys({ layout, field }: KeysProps) {
  const ref = useRef<HTMLDivElement>(null);
  const target = useRef(field);
  target.current = field;
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let layer: Layer = "default";
    const show = (keyboard: SimpleKeyboard, next: Layer, pressed: string) => {
      if (next === layer) return;
      layer = next;
      const focused = element.contains(document.activeElement);
      keyboard.setOptions({ layoutName: next });
      if (focused) button(element, pressed).focus();
    };
    const keyboard = new SimpleKeyboard(element, {
      layout: LAYOUTS[layout],
      layoutName: "default",
      display: FACES,
      mergeDisplay: true,
      useButtonTag: true,
      useMouseEvents: true,
      disableButtonHold: true,
      disableCaretPositioning: true,
      buttonTheme: [{ class: "fn", buttons: Object.keys(FACES).join(" ") }, { class: "wide", buttons: ".fr .com" }],
      buttonAttributes: Object.entries(NAMES).map(([buttons, key]) => ({ attribute: "aria-label", value: t(key), buttons })),
      onKeyPress: (pressed: string) => {
        const next = opens(pressed);
        if (next) {
          show(keyboard, next, pressed);
          return;
        }
        type(target.current(), pressed);
        if (pressed !== "{bksp}") show(keyboard, layerAfter(layer), pressed);
      },
    });
    return () => keyboard.destroy();
  }, [layout]);
  return <div class="keys simple-keyboard" ref={ref} key={layout} data-layout={layout} />;
}

/** The key to give the focus back to once the layer has changed. */
function button(element: HTMLElement, pressed: string): HTMLElement {
  const all = Array.from(element.querySelectorAll<HTMLElement>("button"));
  return all.find((one) => one.dataset.skbtn === pressed) ?? all[0] ?? element;
}
