/** What travels between the page and the agent. Field names are those of `wire/` and of the agent's local API. */

export type Language = string;
/** A text in several languages; French is always there. */
export type L10n = Record<Language, string>;

export interface OpeningHours {
  /** 0 = Monday */
  day: number;
  /** "09:00:00", in the place's time zone */
  opens: string;
  closes: string;
}

export interface Settings {
  idle_warning_s: number;
  idle_end_s: number;
  opening: OpeningHours[];
  timezone: string;
  welcome: Record<Language, string>;
  host_phone: string;
  languages: Language[];
}

export interface Place {
  name: string;
  kind: string;
  commune: string;
  commune_name: string;
  department: string;
  demo: boolean;
}

export interface Release {
  id: string;
  label: string;
}

export interface SealingKey {
  kid: string;
  public: string;
}

export type Mode = "normal" | "pairing" | "waiting" | "maintenance" | "out_of_service";

/** The answer of `GET /api/v1/screen`. */
export interface Screen {
  version: number;
  mode: Mode;
  terminal: string;
  generation: number;
  name: string;
  place: Place | null;
  release: Release | null;
  settings: Settings;
  sealing: SealingKey | null;
  online: boolean;
  now: string;
  clock_trusted: boolean;
  pairing: { code: string; server: string } | null;
  progress?: number;
  identify_until: string | null;
  reload: number;
  software: string;
  audience: "public" | "demo" | "staff";
  maintenance_until?: string | null;
  message?: { text: string; until: string } | null;
  bench?: BenchAsked | null;
}

/** The commissioning bench is asked for: measure, have the grid touched for so long (0: not at all), tell under `id`. */
export interface BenchAsked {
  id: string;
  touch_s: number;
}

export interface VideoRung {
  rung: string;
  width: number;
  height: number;
  codec: string;
  /** null: could not be played */
  fps: number | null;
  dropped: number | null;
}

/** The body of `POST /api/v1/bench`. */
export interface BenchResult {
  id: string;
  video: VideoRung[];
  webgl: number;
  texture: number;
  renderer: string;
  width: number;
  height: number;
  ratio: number;
  touch_points: number;
  cells: number;
  touched: number;
  audio: string;
  audio_level: number;
  frames: number;
}

export type EndReason = "timeout" | "user_exit" | "restart" | "closing";

/** A usage event's own fields, by kind (wire/events.py). */
export type Happening =
  | { kind: "attract.started" }
  | { kind: "attract.ended"; dwell_ms: number }
  | { kind: "session.started"; idle_warning_s: number; idle_end_s: number }
  | { kind: "session.ended"; reason: EndReason; interactions: number; active_ms: number; dwell_ms: number }
  | { kind: "page.viewed"; page: string; origin?: string }
  | { kind: "page.left"; page: string; dwell_ms: number; active_ms: number }
  | { kind: "contact.started"; origin?: string }
  | { kind: "contact.step.done"; step: string }
  | { kind: "contact.submitted" }
  | { kind: "contact.abandoned"; step: string }
  | { kind: "language.changed"; to: Language }
  | { kind: "accessibility.changed"; option: string; value: string }
  | { kind: "help.requested" }
  | { kind: "ui.failed"; where: string; message: string };

export type UsageEvent = Happening & {
  /** Made here, once: outside of a visit it says that what comes twice (an answer was lost) is the same event. */
  id: string;
  session: string | null;
  n: number;
  language: Language;
  accessibility: string[];
};

export interface SealedRequest {
  id: string;
  kid: string;
  consent: string;
  enc: string;
  ciphertext: string;
}

export interface Heartbeat {
  frames: number;
  release: string | null;
  screen: string;
  in_visit: boolean;
  failed: string;
  /** Another one each time the page is loaded. */
  page: string;
}
