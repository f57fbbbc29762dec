import { describe, expect, it } from "vitest";

import { decide, idleTimes, LEAST_WARNING, timeLeft, type Act, type Told, type Visit } from "../src/visit";

const IDLE = idleTimes({ idle_warning_s: 60, idle_end_s: 90 }, false);
const start = (now: number): Act => ({ act: "start", session: "s", now });
const touch = (now: number): Act => ({ act: "interact", now, idle: IDLE });
const tick = (now: number): Act => ({ act: "tick", now, idle: IDLE });
const view = (page: string, now: number): Act => ({ act: "view", page, now, idle: IDLE });
const stay = (now: number): Act => ({ act: "stay", now, idle: IDLE });

function played(...acts: Act[]): { visit: Visit; told: Told[] } {
  let visit: Visit = { phase: "attract", since: 0 };
  const told: Told[] = [];
  for (const act of acts) {
    const outcome = decide(visit, act);
    visit = outcome.visit;
    told.push(...outcome.told);
  }
  return { visit, told };
}

describe("a visit", () => {
  it("starts with the first touch that leaves the attract screen", () => {
    const { visit, told } = played(start(5_000));
    expect(visit.phase).toBe("active");
    expect(told).toEqual([{ kind: "attract.ended", dwell_ms: 5_000 }, { kind: "session.started" }]);
  });

  it("does not start twice", () => {
    expect(played(start(0), { act: "start", session: "other", now: 10 }).visit).toMatchObject({ session: "s" });
  });

  it("tells each page when it is left, with its dwell, before the next one", () => {
    const { told } = played(start(0), view("home", 0), touch(4_000), view("metiers", 4_000), touch(7_000), view("home", 7_000));
    expect(told.slice(2)).toEqual([
      { kind: "page.viewed", page: "home" },
      { kind: "page.left", page: "home", dwell_ms: 4_000, active_ms: 4_000 },
      { kind: "page.viewed", page: "metiers", origin: "home" },
      { kind: "page.left", page: "metiers", dwell_ms: 3_000, active_ms: 3_000 },
      { kind: "page.viewed", page: "home", origin: "metiers" },
    ]);
  });

  it("warns after a minute and ends half a minute later, without counting the idle tail as active", () => {
    const before = played(start(0), view("home", 0), touch(10_000), tick(69_999));
    expect(before.visit.phase).toBe("active");
    const warned = played(start(0), view("home", 0), touch(10_000), tick(70_000));
    expect(warned.visit.phase).toBe("warning");
    expect(timeLeft(warned.visit, 80_000, IDLE)).toBe(20_000);
    const { visit, told } = played(start(0), view("home", 0), touch(10_000), tick(70_000), tick(99_999), tick(100_000));
    expect(visit.phase).toBe("ended");
    expect(told.at(-2)).toEqual({ kind: "page.left", page: "home", dwell_ms: 100_000, active_ms: 10_000 });
    expect(told.at(-1)).toEqual({ kind: "session.ended", reason: "timeout", interactions: 1, active_ms: 10_000, dwell_ms: 100_000 });
  });

  it("can be extended as often as one wants", () => {
    const acts: Act[] = [start(0), view("home", 0)];
    for (let n = 1; n <= 12; n += 1) acts.push(tick(n * 85_000), stay(n * 85_000 + 1));
    const { visit } = played(...acts);
    expect(visit).toMatchObject({ phase: "active", extensions: 12 });
  });

  it("ends at once when the visitor has finished, and tells it once", () => {
    const end: Act = { act: "end", reason: "user_exit", now: 3_000, idle: IDLE };
    const { visit, told } = played(start(0), view("home", 0), touch(2_000), end, end, touch(4_000));
    expect(visit.phase).toBe("ended");
    expect(told.filter((one) => one.kind === "session.ended")).toEqual([
      { kind: "session.ended", reason: "user_exit", interactions: 1, active_ms: 3_000, dwell_ms: 3_000 },
    ]);
  });

  it("counts a long look at one page as active only up to the warning", () => {
    const { told } = played(start(0), view("home", 0), stay(80_000), { act: "end", reason: "user_exit", now: 81_000, idle: IDLE });
    expect(told.at(-1)).toMatchObject({ active_ms: 61_000, dwell_ms: 81_000 });
  });
});

describe("idle times", () => {
  it("are those set for the terminal", () => {
    expect(IDLE).toEqual({ warning: 60_000, end: 90_000 });
  });

  it("are longer for who enlarges the text or taps slowly", () => {
    expect(idleTimes({ idle_warning_s: 60, idle_end_s: 90 }, true)).toEqual({ warning: 120_000, end: 180_000 });
  });

  it("never leave less than twenty seconds to answer", () => {
    expect(idleTimes({ idle_warning_s: 60, idle_end_s: 61 }, false)).toEqual({ warning: 60_000, end: 60_000 + LEAST_WARNING });
  });
});
