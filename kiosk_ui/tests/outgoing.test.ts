import { describe, expect, it } from "vitest";

import { MOST_WAITING, Outgoing, uuid7, type Answer } from "../src/outgoing";
import type { UsageEvent } from "../src/wire";

const event = (n: number, kind: "help.requested" | "contact.submitted" = "help.requested"): UsageEvent => ({
  id: uuid7(n), kind, n, session: "s", language: "fr", accessibility: [],
});

/** An agent that keeps what it is sent, unless told otherwise. */
function agent(answer: (events: UsageEvent[]) => Answer = () => ({ outcome: "kept" })) {
  const kept: number[] = [];
  const ages: number[] = [];
  const refused: string[] = [];
  let now = 0;
  const outgoing = new Outgoing(
    (events) => {
      const said = answer(events);
      if (said.outcome === "kept") kept.push(...events.map((one) => one.n));
      ages.push(...events.map((one) => one.ago_ms));
      return Promise.resolve(said);
    },
    () => now,
    (bad, message) => refused.push(`${bad.kind} ${message}`),
  );
  const settle = async () => {
    while (await outgoing.turn());
  };
  return { outgoing, kept, ages, refused, settle, pass: (ms: number) => (now += ms) };
}

describe("events on their way to the agent", () => {
  it("leave in order, at most a hundred at a time", async () => {
    const { outgoing, kept, settle } = agent((events) => (events.length > 100 ? { outcome: "later" } : { outcome: "kept" }));
    for (let n = 1; n <= 250; n += 1) outgoing.add(event(n));
    await settle();
    expect(kept).toEqual(Array.from({ length: 250 }, (_, n) => n + 1));
    expect(outgoing.length).toBe(0);
  });

  it("keep their id when they are sent again", async () => {
    let answers = 0;
    const ids: string[][] = [];
    const { outgoing, settle } = agent((events) => {
      ids.push(events.map((one) => one.id));
      return { outcome: (answers += 1) > 1 ? "kept" : "later" };
    });
    outgoing.add(event(1));
    outgoing.add(event(2));
    await settle();
    await settle();
    expect(ids[1]).toEqual(ids[0]);
    expect(new Set(ids[0]).size).toBe(2);
  });

  it("are named in the order of time", () => {
    const made = [1, 1_800_000_000_000.7, 1_800_000_000_001].map(uuid7);
    expect(made.every((one) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(one))).toBe(true);
    expect([...made].sort()).toEqual(made);
  });

  it("are kept while the agent is away, and say how old they are", async () => {
    let away = true;
    const { outgoing, kept, ages, settle, pass } = agent(() => (away ? { outcome: "later" } : { outcome: "kept" }));
    outgoing.add(event(1));
    await settle();
    expect(kept).toEqual([]);
    away = false;
    pass(5_000);
    await settle();
    expect(kept).toEqual([1]);
    expect(ages.at(-1)).toBe(5_000);
  });

  it("lose only the one that is malformed, and say so", async () => {
    const { outgoing, kept, refused, settle } = agent((events) =>
      events.some((one) => one.kind === "contact.submitted") ? { outcome: "refused", message: "why" } : { outcome: "kept" },
    );
    for (let n = 1; n <= 9; n += 1) outgoing.add(event(n, n === 6 ? "contact.submitted" : "help.requested"));
    await settle();
    expect(kept).toEqual([1, 2, 3, 4, 5, 7, 8, 9]);
    expect(refused).toEqual(["contact.submitted why"]);
  });

  it("are bounded: the oldest go first", () => {
    const { outgoing } = agent();
    for (let n = 0; n < MOST_WAITING + 5; n += 1) outgoing.add(event(n));
    expect(outgoing.length).toBe(MOST_WAITING);
  });
});
