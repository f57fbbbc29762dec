/** What the page knows, as signals. All of a visit is here, so that forgetting it is one function. */

import { computed, signal } from "@preact/signals";

import type { Content, Core } from "./content/release";
import type { Route } from "./routes";
import type { Screen } from "./wire";
import type { Visit } from "./visit";

export type Zoom = "100" | "150" | "200";

export interface Kept {
  kind: "metier" | "acteur";
  id: string;
  label: string;
}

export type DialogName = "erase" | "access" | "languages" | "help";

export interface Draft {
  name: string;
  channel: string;
  phone: string;
  email: string;
  topic: string;
  actor: string;
  times: string[];
  consent: boolean;
  origin: string;
}

export type Submission =
  | { state: "idle" }
  | { state: "sending" }
  | { state: "kept"; online: boolean; number: string; promisedBy: string }
  | { state: "refused"; why: "too_many" | "full" | "away"; phone: string };

// ---- what the terminal is ------------------------------------------------------------------------------------------

export const screen = signal<Screen | null>(null);
export const core = signal<Core | null>(null);
/** The adopted release, once all of it was read. */
export const content = signal<Content | null>(null);
export const failure = signal("");

// ---- what the visitor does -----------------------------------------------------------------------------------------

const BLANK: Draft = {
  name: "", channel: "phone", phone: "", email: "", topic: "", actor: "", times: [], consent: false, origin: "",
};

export const visit = signal<Visit>({ phase: "attract", since: 0 });
export const trail = signal<Route[]>([{ page: "home" }]);
export const language = signal("fr");
export const zoom = signal<Zoom>("100");
export const contrast = signal(false);
export const still = signal(false);
export const low = signal(false);
export const slow = signal(false);
/** "Ne pas mesurer ma visite": nothing more is told of it. */
export const unmeasured = signal(false);
export const kept = signal<Kept[]>([]);
export const query = signal("");
/** Where the keyboard was closed to leave room for the results. */
export const typing = signal(true);
export const listPage = signal<Record<string, number>>({});
export const commune = signal<string | null>(null);
export const draft = signal<Draft>(BLANK);
export const submission = signal<Submission>({ state: "idle" });
export const dialog = signal<DialogName | null>(null);
export const announced = signal("");

export const route = computed<Route>(() => trail.value.at(-1) ?? { page: "home" });
export const inVisit = computed(() => visit.value.phase === "active" || visit.value.phase === "warning");

/** Options in use, as usage events name them. */
export const options = computed(() => [
  ...(zoom.value === "100" ? [] : [`zoom:${zoom.value}`]),
  ...(contrast.value ? ["contrast"] : []),
  ...(still.value ? ["still"] : []),
  ...(low.value ? ["low"] : []),
  ...(slow.value ? ["slow"] : []),
]);

/** Who reads enlarged text or taps slowly is given longer. */
export const needsTime = computed(() => zoom.value !== "100" || slow.value);

export function forgetDraft(): void {
  draft.value = BLANK;
}

export function forgetContact(): void {
  forgetDraft();
  submission.value = { state: "idle" };
}

/** Everything a visitor typed, chose or kept goes; the page is made anew soon after. */
export function forget(now: number): void {
  visit.value = { phase: "attract", since: now };
  trail.value = [{ page: "home" }];
  unmeasured.value = false;
  kept.value = [];
  query.value = "";
  typing.value = true;
  listPage.value = {};
  commune.value = null;
  forgetContact();
  dialog.value = null;
  announced.value = "";
  forgetOptions();
}

export function forgetOptions(): void {
  language.value = "fr";
  zoom.value = "100";
  contrast.value = false;
  still.value = false;
  low.value = false;
  slow.value = false;
}
