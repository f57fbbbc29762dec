/** A visit, decided purely: what a touch, a key or the time that passes changes, and what is to be told of it.

 Times are milliseconds of one monotonic clock, given by the caller. A visit starts with the first touch that leaves the
 attract screen; that touch is the start, not an interaction. */

import type { EndReason } from "./wire";

export interface IdleTimes {
  /** Without activity for so long, the page asks whether anyone is there. */
  warning: number;
  /** Without activity for so long, the visit ends. */
  end: number;
}

/** WCAG 2.2.1: at least 20 s to answer, with one tap. */
export const LEAST_WARNING = 20_000;
/** A person who reads enlarged text or taps slowly gets this many times longer. */
export const SLOWER = 2;

export interface Attract {
  phase: "attract";
  since: number;
}

export interface Running {
  phase: "active" | "warning";
  session: string;
  startedAt: number;
  lastActivity: number;
  /** Sum of the gaps between two acts, each counted up to the warning: the idle tail of a visit is not in it. */
  activeMs: number;
  interactions: number;
  extensions: number;
  page: { id: string; at: number; activeAt: number } | null;
}

export interface Ended {
  phase: "ended";
  session: string;
}

export type Visit = Attract | Running | Ended;

export type Act =
  | { act: "start"; session: string; now: number }
  | { act: "interact"; now: number; idle: IdleTimes }
  | { act: "tick"; now: number; idle: IdleTimes }
  | { act: "stay"; now: number; idle: IdleTimes }
  | { act: "view"; page: string; now: number; idle: IdleTimes }
  | { act: "end"; reason: EndReason; now: number; idle: IdleTimes };

export type Told =
  | { kind: "attract.ended"; dwell_ms: number }
  | { kind: "session.started" }
  | { kind: "page.left"; page: string; dwell_ms: number; active_ms: number }
  | { kind: "page.viewed"; page: string; origin?: string }
  | { kind: "session.ended"; reason: EndReason; interactions: number; active_ms: number; dwell_ms: number };

export interface Outcome {
  visit: Visit;
  told: Told[];
}

/** The idle times that hold now: those set for the terminal, longer for who needs it, never under what WCAG asks. */
export function idleTimes(settings: { idle_warning_s: number; idle_end_s: number }, slower: boolean): IdleTimes {
  const factor = slower ? SLOWER : 1;
  const warning = settings.idle_warning_s * 1000 * factor;
  return { warning, end: Math.max(settings.idle_end_s * 1000 * factor, warning + LEAST_WARNING) };
}

/** Milliseconds left before the visit ends, or null when nothing is counting down. */
export function timeLeft(visit: Visit, now: number, idle: IdleTimes): number | null {
  return visit.phase === "warning" ? Math.max(0, visit.lastActivity + idle.end - now) : null;
}

export function decide(visit: Visit, act: Act): Outcome {
  if (act.act === "start") return started(visit, act);
  if (visit.phase === "attract" || visit.phase === "ended") return { visit, told: [] };
  switch (act.act) {
    case "interact":
      return { visit: counted(visit, act.now, act.idle), told: [] };
    case "stay":
      return { visit: { ...counted(visit, act.now, act.idle), extensions: visit.extensions + 1 }, told: [] };
    case "tick":
      return ticked(visit, act.now, act.idle);
    case "view":
      return viewed(visit, act.page, act.now, act.idle);
    case "end":
      return ended(touched(visit, act.now, act.idle), act.reason, act.now);
  }
}

function started(visit: Visit, act: { session: string; now: number }): Outcome {
  if (visit.phase !== "attract") return { visit, told: [] };
  const running: Running = {
    phase: "active",
    session: act.session,
    startedAt: act.now,
    lastActivity: act.now,
    activeMs: 0,
    interactions: 0,
    extensions: 0,
    page: null,
  };
  return { visit: running, told: [{ kind: "attract.ended", dwell_ms: span(visit.since, act.now) }, { kind: "session.started" }] };
}

function touched(visit: Running, now: number, idle: IdleTimes): Running {
  const gap = Math.min(Math.max(0, now - visit.lastActivity), idle.warning);
  return { ...visit, phase: "active", lastActivity: now, activeMs: visit.activeMs + gap };
}

function counted(visit: Running, now: number, idle: IdleTimes): Running {
  return { ...touched(visit, now, idle), interactions: visit.interactions + 1 };
}

function ticked(visit: Running, now: number, idle: IdleTimes): Outcome {
  const quiet = now - visit.lastActivity;
  if (quiet >= idle.end) return ended(visit, "timeout", now);
  if (quiet >= idle.warning && visit.phase === "active") return { visit: { ...visit, phase: "warning" }, told: [] };
  return { visit, told: [] };
}

function viewed(visit: Running, page: string, now: number, idle: IdleTimes): Outcome {
  const current = touched(visit, now, idle);
  const told: Told[] = leaving(current, now);
  told.push({ kind: "page.viewed", page, ...(visit.page ? { origin: visit.page.id } : {}) });
  return { visit: { ...current, page: { id: page, at: now, activeAt: current.activeMs } }, told };
}

function leaving(visit: Running, now: number): Told[] {
  const page = visit.page;
  if (!page) return [];
  const active_ms = Math.round(visit.activeMs - page.activeAt);
  return [{ kind: "page.left", page: page.id, dwell_ms: span(page.at, now), active_ms }];
}

function ended(visit: Running, reason: EndReason, now: number): Outcome {
  const told = leaving(visit, now);
  told.push({
    kind: "session.ended",
    reason,
    interactions: visit.interactions,
    active_ms: Math.round(visit.activeMs),
    dwell_ms: span(visit.startedAt, now),
  });
  return { visit: { phase: "ended", session: visit.session }, told };
}

function span(from: number, to: number): number {
  return Math.max(0, Math.round(to - from));
}
