/** Words on screen. They come from the active release; a key it lacks shows French, then the key itself (and is told). */

import { core, language } from "./state";
import type { L10n } from "./wire";

type Values = Record<string, string | number>;

export function inLanguage(text: L10n | string | undefined, wanted: string): string {
  if (text === undefined) return "";
  if (typeof text === "string") return text;
  return text[wanted] ?? text.fr ?? "";
}

/** A text of the content in the visitor's language. */
export function say(text: L10n | string | undefined): string {
  return inLanguage(text, language.value);
}

export function t(key: string, values: Values = {}): string {
  const found = core.value?.texts[key];
  return filled(found ? say(found) : key, values);
}

/** `key.one` or `key.other`: French counts zero and one alike, English only one. */
export function tn(key: string, n: number, values: Values = {}): string {
  const one = language.value === "en" ? n === 1 : n < 2;
  return t(`${key}.${one ? "one" : "other"}`, { n: count(n), ...values });
}

export function has(key: string): boolean {
  return core.value?.texts[key] !== undefined;
}

/** Titles do not break inside "Qu’est-ce" or "Parlez-en". */
export function unbroken(text: string): string {
  return text.replace(/(?<=\p{L})-(?=\p{L})/gu, "-\u2060");
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** BCP 47 tag of the visitor's language: simple French is French to a browser. */
export function locale(): string {
  return language.value === "en" ? "en-GB" : "fr-FR";
}

export function count(n: number): string {
  return new Intl.NumberFormat(locale()).format(n).replace(/\u202f/g, "\u00a0");
}

/** One line each: "Bonjour." then the question. */
export function sentences(text: string): string[] {
  return text.split(/(?<=[.!?])\s+/);
}

/** "2026-11-03" → "3 novembre 2026"; the first of a month is "1er". */
export function day(iso: string): string {
  const date = new Date(`${iso.slice(0, 10)}T12:00:00`);
  if (Number.isNaN(date.getTime())) return iso;
  const written = new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric" }).format(date);
  return language.value === "en" ? written : written.replace(/^1 /, "1er ");
}

/** "17:30:00" → "17 h 30" (English: "17:30"). */
export function hour(time: string): string {
  const [h = "0", m = "00"] = time.split(":");
  if (language.value === "en") return `${h}:${m}`;
  return m === "00" ? `${Number(h)}\u00a0h` : `${Number(h)}\u00a0h\u00a0${m}`;
}
