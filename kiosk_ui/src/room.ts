/** How much room the screen gives, in letters rather than pixels: enlarging the text is the same as a smaller screen. */

import { computed, effect, signal } from "@preact/signals";

import { contrast, language, low, still, zoom } from "./state";

export type Size = "roomy" | "snug" | "tight";

const REM: Record<string, number> = { "100": 16, "150": 24, "200": 32 };
/** Low reach: every target lies in this band (900–1,220 mm from the floor on the reference screen). */
export const REACH = 864;

export const viewport = signal({ width: window.innerWidth, height: window.innerHeight });

export const rem = computed(() => REM[zoom.value] ?? 16);
/** In low reach on an upright screen the visit takes place in the band: wide, not tall. */
export const box = computed(() => {
  const { width, height } = viewport.value;
  const tall = height > width && !low.value;
  return { width, height: low.value ? Math.min(height, REACH) : height, tall };
});
export const portrait = computed(() => box.value.tall);

export const size = computed<Size>(() => {
  const side = Math.min(box.value.width, box.value.height) / rem.value;
  return side >= 53 ? "roomy" : side >= 38 ? "snug" : "tight";
});
/** Band and dock take their short words. */
export const terse = computed(() => size.value !== "roomy" || box.value.width / rem.value < 100);

/** Writes the state of the room on `<html>`, where the style sheets read it. */
export function watchRoom(): void {
  window.addEventListener("resize", () => {
    viewport.value = { width: window.innerWidth, height: window.innerHeight };
  });
  const html = document.documentElement;
  effect(() => {
    html.lang = language.value === "fr-simple" ? "fr" : language.value;
    html.dataset.zoom = zoom.value;
    html.dataset.size = size.value;
    html.dataset.orient = portrait.value ? "portrait" : "landscape";
    html.toggleAttribute("data-short", box.value.height / rem.value < 30);
    set(html, "contrast", contrast.value ? "high" : "");
    set(html, "motion", still.value ? "still" : "");
    set(html, "reach", low.value ? "low" : "");
  });
}

function set(html: HTMLElement, name: string, value: string): void {
  if (value) html.dataset[name] = value;
  else Reflect.deleteProperty(html.dataset, name);
}
