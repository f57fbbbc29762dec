/** Events on their way to the agent: in order, resent until it has them, bounded. */

import type { UsageEvent } from "./wire";

export const MOST_WAITING = 2000;
export const MOST_AT_ONCE = 100;

/** What the agent made of a post: `kept` (durable), `refused` (malformed, 422), `later` (away, or its spool is full). */
export type Answer = { outcome: "kept" } | { outcome: "refused"; message: string } | { outcome: "later" };
export type Post = (events: (UsageEvent & { ago_ms: number })[]) => Promise<Answer>;

interface Waiting {
  event: UsageEvent;
  madeAt: number;
}

/** In the order of time, as the server's database likes its keys. */
export function uuid7(time: number): string {
  const at = Math.trunc(time).toString(16).padStart(12, "0");
  return `${at.slice(0, 8)}-${at.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

export class Outgoing {
  private waiting: Waiting[] = [];
  private size = MOST_AT_ONCE;

  constructor(
    private readonly post: Post,
    private readonly now: () => number,
    private readonly refused: (event: UsageEvent, message: string) => void,
  ) {}

  get length(): number {
    return this.waiting.length;
  }

  add(event: UsageEvent): void {
    this.waiting.push({ event, madeAt: this.now() });
    if (this.waiting.length > MOST_WAITING) this.waiting.splice(0, this.waiting.length - MOST_WAITING);
  }

  /** One turn: at most one post. True when there is more to send at once, false when there is nothing or it must wait. */
  async turn(): Promise<boolean> {
    const batch = this.waiting.slice(0, this.size);
    if (batch.length === 0) return false;
    const sentAt = this.now();
    const answer = await this.post(
      batch.map(({ event, madeAt }) => ({ ...event, ago_ms: Math.max(0, Math.round(sentAt - madeAt)) })),
    );
    switch (answer.outcome) {
      case "later":
        return false;
      case "kept":
        this.forget(batch);
        this.size = MOST_AT_ONCE;
        break;
      case "refused":
        // Halved down to the one event, so that one bad event costs only itself.
        if (batch.length > 1) this.size = Math.ceil(batch.length / 2);
        else this.drop(batch[0], answer.message);
    }
    return this.waiting.length > 0;
  }

  private drop(bad: Waiting | undefined, message: string): void {
    if (!bad) return;
    this.forget([bad]);
    this.size = MOST_AT_ONCE;
    this.refused(bad.event, message);
  }

  private forget(sent: Waiting[]): void {
    const gone = new Set(sent);
    this.waiting = this.waiting.filter((one) => !gone.has(one));
  }
}
