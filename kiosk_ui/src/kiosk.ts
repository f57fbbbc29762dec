/** The life of the page: a visit begins, pages follow, the visit ends and everything is forgotten. */

import { Agent } from "./agent";
import { Outgoing, uuid7 } from "./outgoing";
import { CONTACT_STEPS, pageId, type Route } from "./routes";
import * as state from "./state";
import { decide, idleTimes, type Act, type IdleTimes, type Told } from "./visit";
import type { EndReason, Happening, Language } from "./wire";

const SETTINGS = { idle_warning_s: 60, idle_end_s: 90 };
const FLUSH_PATIENCE = 3_000;

export const now = () => performance.now();

export class Kiosk {
  private n = 0;
  private contactOpen = false;
  private reloadDue = false;
  private touchedEarly = false;
  private touchedAt = 0;
  private leaving = false;
  private readonly outgoing: Outgoing;

  constructor(
    readonly agent: Agent,
    private readonly reload: () => void,
  ) {
    this.outgoing = new Outgoing(agent.events, now, (event, message) => {
      if (event.kind !== "ui.failed") this.failed("outgoing", `${event.kind}: ${message}`);
    });
  }

  // ---- telling -----------------------------------------------------------------------------------------------------

  tell(happening: Happening): void {
    if (state.unmeasured.value && state.inVisit.value) return;
    const visit = state.visit.value;
    const session = visit.phase === "attract" || happening.kind.startsWith("attract.") ? null : visit.session;
    this.n += 1;
    const said = { session, n: this.n, language: state.language.value, accessibility: state.options.value };
    const event = { ...happening, ...said, id: uuid7(Date.now()) };
    this.outgoing.add(event);
    void this.send();
  }

  /** `where` names a module and a line; the message is cut and holds nothing that was typed. */
  failed(where: string, message: string): void {
    this.tell({ kind: "ui.failed", where: where.slice(0, 200), message: message.slice(0, 200) });
  }

  private sending: Promise<void> | null = null;

  send(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    // The events of one act leave together.
    await Promise.resolve();
    while (await this.outgoing.turn());
  }

  // ---- a visit -----------------------------------------------------------------------------------------------------

  idle(): IdleTimes {
    return idleTimes(state.screen.value?.settings ?? SETTINGS, state.needsTime.value);
  }

  showAttract(): void {
    state.visit.value = { phase: "attract", since: now() };
    this.tell({ kind: "attract.started" });
    if (this.touchedEarly) this.start();
  }

  start(): void {
    if (state.visit.value.phase !== "attract") return;
    // The picture comes before the last file of the release: a touch meanwhile is not lost.
    this.touchedEarly = !state.content.value;
    if (this.touchedEarly) return;
    this.act({ act: "start", session: crypto.randomUUID(), now: now() });
    this.view({ page: "home" });
  }

  interact(): void {
    this.touchedAt = now();
    this.act({ act: "interact", now: now(), idle: this.idle() });
  }

  stay(): void {
    this.act({ act: "stay", now: now(), idle: this.idle() });
  }

  tick(): void {
    if (state.inVisit.value) this.act({ act: "tick", now: now(), idle: this.idle() });
    else if (this.reloadDue) void this.recreate();
    else if (now() - this.touchedAt >= this.idle().end) this.forgetOptions();
  }

  /** Someone who chose large letters and left without a visit does not choose them for the next person. */
  private forgetOptions(): void {
    if (state.options.value.length > 0 || state.language.value !== "fr") state.forgetOptions();
  }

  /** The visit goes on; for the figures it ends here. */
  stopMeasuring(): void {
    const visit = state.visit.value;
    if (visit.phase === "attract" || visit.phase === "ended" || state.unmeasured.value) return;
    for (const one of decide(visit, { act: "end", reason: "user_exit", now: now(), idle: this.idle() }).told) this.tellOf(one);
    state.unmeasured.value = true;
  }

  end(reason: EndReason): void {
    if (state.inVisit.value) this.act({ act: "end", reason, now: now(), idle: this.idle() });
  }

  private act(act: Act): void {
    const before = state.visit.value;
    const { visit, told } = decide(before, act);
    for (const one of told) {
      if (one.kind === "session.started") state.visit.value = visit;
      if (one.kind === "session.ended") this.abandonContact();
      this.tellOf(one);
    }
    state.visit.value = visit;
    if (visit.phase === "ended") void this.forgetAll();
  }

  private tellOf(one: Told): void {
    if (one.kind !== "session.started") {
      this.tell(one);
      return;
    }
    this.n = 0;
    const idle = this.idle();
    this.tell({ kind: "session.started", idle_warning_s: idle.warning / 1000, idle_end_s: idle.end / 1000 });
  }

  /** The screen forgets at once; the page is made anew as soon as the agent has what the visit told. */
  private async forgetAll(): Promise<void> {
    state.forget(now());
    this.contactOpen = false;
    this.reloadDue = true;
    await Promise.race([this.recreate(), new Promise((done) => setTimeout(done, FLUSH_PATIENCE))]);
    if (state.visit.value.phase === "attract") this.showAttract();
  }

  private async recreate(): Promise<void> {
    await this.send();
    // A page that is going away must not call itself back.
    if (this.outgoing.length === 0 && state.visit.value.phase === "attract" && !this.leaving) this.reload();
  }

  /** The window is closing or being reloaded from outside: what waits leaves with it. */
  leave(): void {
    this.leaving = true;
    this.end("restart");
    void this.send();
  }

  // ---- pages -------------------------------------------------------------------------------------------------------

  go(route: Route): void {
    state.trail.value = route.page === "home" ? [route] : [...state.trail.value, route];
    this.view(route);
  }

  /** Takes the place of the form just left: going back does not return into it. */
  settle(route: Route): void {
    state.trail.value = [...state.trail.value.filter((one) => one.page !== "rappel"), route];
    this.view(route);
  }

  back(): void {
    if (state.trail.value.length > 1) state.trail.value = state.trail.value.slice(0, -1);
    this.view(state.route.value);
  }

  private view(route: Route): void {
    if (route.page !== "rappel") this.abandonContact();
    state.dialog.value = null;
    this.act({ act: "view", page: pageId(route), now: now(), idle: this.idle() });
  }

  // ---- being called back -------------------------------------------------------------------------------------------

  openContact(origin: string, chosen: Partial<state.Draft> = {}): void {
    if (state.submission.value.state !== "idle") state.forgetContact();
    state.draft.value = { ...state.draft.value, ...chosen, origin };
    this.contactOpen = true;
    this.tell({ kind: "contact.started", origin });
    this.go({ page: "rappel", step: "reach" });
  }

  stepDone(step: (typeof CONTACT_STEPS)[number]): void {
    this.tell({ kind: "contact.step.done", step });
  }

  submitted(): void {
    this.contactOpen = false;
    this.tell({ kind: "contact.submitted" });
  }

  private abandonContact(): void {
    if (!this.contactOpen) return;
    this.contactOpen = false;
    const page = state.visit.value.phase === "active" || state.visit.value.phase === "warning" ? state.visit.value.page : null;
    this.tell({ kind: "contact.abandoned", step: page?.id.replace("rappel/", "") ?? "reach" });
  }

  /** Resolves when the agent has told the page what has changed (a new sealing key), or soon after. */
  refresh(): Promise<void> {
    const seen = state.screen.value?.sealing?.kid;
    return new Promise((done) => {
      const stop = state.screen.subscribe((next) => {
        if (next?.sealing?.kid !== seen) setTimeout(finish);
      });
      const timer = setTimeout(() => finish(), FLUSH_PATIENCE);
      function finish() {
        clearTimeout(timer);
        stop();
        done();
      }
    });
  }

  // ---- options -----------------------------------------------------------------------------------------------------

  /** Languages both the release and the settings of this terminal offer. */
  languages(): { code: Language; name: string; current: boolean }[] {
    const allowed = state.screen.value?.settings.languages ?? [];
    return (state.core.value?.index.languages ?? [])
      .filter((one) => one.code === "fr" || allowed.includes(one.code))
      .map((one) => ({ ...one, current: one.code === state.language.value }));
  }

  speak(to: Language): void {
    if (to === state.language.value) return;
    state.language.value = to;
    this.tell({ kind: "language.changed", to });
  }

  option(option: string, value: string): void {
    this.tell({ kind: "accessibility.changed", option, value });
  }

  help(): void {
    state.dialog.value = "help";
    this.tell({ kind: "help.requested" });
  }
}
