/** How much room the screen gives, in letters rather than pixels: enlarging the text is the same as a smaller screen. */

import { computed, effect, signal } from "@preact/signals";

import { contrast, inVisit, language, low, still, zoom } from "./state";

export type Size = "roomy" | "snug" | "tight";

const REM: Record<string, number> = { "100": 16, "150": 24, "200": 32 };
/** Low reach: every target lies in this band (900–1,220 mm from the floor on the reference screen). */
export const REACH = 864;

export const viewport = signal({ width: window.innerWidth, height: window.innerHeight });

export const rem = computed(() => REM[zoom.value] ?? 16);
/** In low reach on an upright screen the visit takes place in the band: wide, not tall. */
export const box = computed(() => {
  const { width, height } = viewport.value;
  const lowered = low.value && inVisit.value;
  return { width, height: lowered ? Math.min(height, REACH) : height, tall: height > width && !lowered };
});
export const portrait = computed(() => box.value.tall);

export const size = computed<Size>(() => {
  const { width, height, tall } = box.value;
  // The short side, or what it would be on a screen of 16:9 as long as this one is.
  const side = (tall ? Math.min(width, (height * 9) / 16) : Math.min(height, (width * 9) / 16)) / rem.value;
  return side >= 53 ? "roomy" : side >= 37 ? "snug" : "tight";
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
