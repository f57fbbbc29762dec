/** What binds the page to its agent: the screen it is told to show, the release it adopts, the heartbeat it gives. */

import { readContent, readCore, Unreadable } from "./content/release";
import { now, type Kiosk } from "./kiosk";
import { pageId } from "./routes";
import * as state from "./state";
import type { Screen } from "./wire";

const BEAT_EVERY = 2_000;
/** A frame is asked for so often; a page that paints nothing answers none. */
const FRAME_EVERY = 250;
const READ_AGAIN = 15_000;
/** Which loading of the page this is: an operator who had it loaded anew is told that another one speaks. */
const PAGE = crypto.randomUUID();
const AWAY = [500, 1_000, 2_000, 5_000];

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

export class Link {
  private frames = 0;
  private firstReload: number | null = null;
  private adopting: string | null = null;
  private prepared = false;
  /** A release that could not be read is tried again, later. */
  private failedRelease = { id: "", until: 0 };

  constructor(private readonly kiosk: Kiosk) {}

  async run(): Promise<void> {
    setInterval(() => requestAnimationFrame(() => (this.frames += 1)), FRAME_EVERY);
    setInterval(() => void this.beat(), BEAT_EVERY);
    let seen = -1;
    let missed = 0;
    for (;;) {
      const screen = await this.kiosk.agent.screen(seen);
      if (!screen) {
        await pause(AWAY[Math.min(missed, AWAY.length - 1)] ?? 5_000);
        missed += 1;
        continue;
      }
      missed = 0;
      seen = screen.version;
      this.show(screen);
      void this.settle();
    }
  }

  private show(screen: Screen): void {
    this.firstReload ??= screen.reload;
    state.screen.value = screen;
  }

  /** Takes up what may only change between visits: a release, a reload asked for by the operator. */
  private async settle(): Promise<void> {
    if (state.visit.value.phase !== "attract") return;
    const screen = state.screen.value;
    if (!screen) return;
    if (this.firstReload !== null && screen.reload > this.firstReload) {
      await this.kiosk.send();
      location.reload();
      return;
    }
    const wanted = screen.release?.id;
    if (!["normal", "maintenance"].includes(screen.mode) || !wanted || this.adopting === wanted || state.content.value?.id === wanted) return;
    if (this.failedRelease.id === wanted && now() < this.failedRelease.until) return;
    await this.adopt(wanted);
  }

  private async adopt(wanted: string): Promise<void> {
    this.adopting = wanted;
    try {
      const core = await readCore(wanted);
      const first = state.core.value === null;
      if (first) state.core.value = core;
      const content = await readContent(core);
      // Nobody may have begun a visit meanwhile: a release changes between visitors only.
      if (state.visit.value.phase !== "attract") return;
      state.core.value = core;
      state.content.value = content;
      state.failure.value = "";
      if (!this.prepared) this.kiosk.showAttract();
      this.prepared = true;
    } catch (problem) {
      if (!(problem instanceof Unreadable)) throw problem;
      state.failure.value = `release ${wanted.slice(0, 12)}: ${problem.message}`.slice(0, 200);
      if (this.failedRelease.id !== wanted) this.kiosk.failed("content/release", problem.message);
      this.failedRelease = { id: wanted, until: now() + READ_AGAIN };
    } finally {
      this.adopting = null;
      void this.beat();
    }
  }

  private async beat(): Promise<void> {
    void this.settle();
    const frames = this.frames;
    this.frames = 0;
    await this.kiosk.agent.heartbeat({
      frames,
      release: state.content.value?.id ?? null,
      screen: shown(),
      in_visit: state.inVisit.value,
      failed: state.failure.value,
      page: PAGE,
    });
  }
}

function shown(): string {
  const mode = state.screen.value?.mode ?? "starting";
  if (mode !== "normal") return mode;
  if (!state.core.value) return "waiting";
  return state.inVisit.value ? pageId(state.route.value) : "attract";
}
