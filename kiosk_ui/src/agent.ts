/** The agent, seen from the page: loopback HTTP with the token this boot gave in the address. */

import type { Answer } from "./outgoing";
import type { BenchResult, Heartbeat, Screen, SealedRequest, UsageEvent } from "./wire";

const EVENTS = "/api/v1/events";

export type Receipt =
  | { outcome: "kept"; online: boolean; number: string; promisedBy: string }
  | { outcome: "refused"; why: "too_many" | "full"; phone: string }
  | { outcome: "key_changed" }
  | { outcome: "away" };

export class Agent {
  constructor(private readonly token: string) {}

  /** Waits on the agent until its screen differs from version `seen`; null when it can't be reached. */
  async screen(seen: number): Promise<Screen | null> {
    const answer = await this.call("GET", `/api/v1/screen?seen=${seen}`);
    return answer?.ok ? ((await answer.json()) as Screen) : null;
  }

  readonly events = async (events: (UsageEvent & { ago_ms: number })[]): Promise<Answer> => {
    const answer = await this.call("POST", EVENTS, { events });
    if (answer?.ok) return { outcome: "kept" };
    if (answer?.status !== 422) return { outcome: "later" };
    const problem = (await answer.json().catch(() => ({}))) as { message?: unknown };
    return { outcome: "refused", message: typeof problem.message === "string" ? problem.message : "422" };
  };

  async heartbeat(beat: Heartbeat): Promise<void> {
    await this.call("POST", "/api/v1/heartbeat", beat);
  }

  async bench(result: BenchResult): Promise<void> {
    await this.call("POST", "/api/v1/bench", result);
  }

  async request(sealed: SealedRequest, session: string | null): Promise<Receipt> {
    const answer = await this.call("POST", "/api/v1/requests", { ...sealed, session });
    if (!answer) return { outcome: "away" };
    const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    if (answer.ok)
      return { outcome: "kept", online: body.online === true, number: text(body.number), promisedBy: text(body.promised_by) };
    if (answer.status === 409) return { outcome: "key_changed" };
    if (answer.status === 429) return { outcome: "refused", why: "too_many", phone: text(body.phone) };
    if (answer.status === 507) return { outcome: "refused", why: "full", phone: text(body.phone) };
    return { outcome: "away" };
  }

  private async call(method: "GET" | "POST", path: string, body?: unknown): Promise<Response | null> {
    try {
      return await fetch(path, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: "no-store",
        // What a page tells as it goes away still leaves.
        keepalive: path === EVENTS,
      });
    } catch {
      return null;
    }
  }
}

/** `#k=…`, given by the agent to the window it opens. It stays in the address: a reload finds it again. */
export function tokenFrom(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, "")).get("k") ?? "";
}
