/** The composition root of the page. */

import { effect } from "@preact/signals";
import { render } from "preact";

import { Agent, tokenFrom } from "./agent";
import { App, clock } from "./app";
import { Kiosk } from "./kiosk";
import { Link } from "./link";
import { Press, SLOW, USUAL } from "./press";
import { watchRoom } from "./room";
import * as state from "./state";
import "./style/tokens.css";
import "./style/kiosk.css";
import "./style/screens.css";
import "./style/rooms.css";

const kiosk = new Kiosk(new Agent(tokenFrom(location.hash)), () => location.reload());
const link = new Link(kiosk);

watchRoom();
new Press(
  () => (state.slow.value ? SLOW : USUAL),
  (target) => {
    // While the page asks, a touch beside its keys means that someone is there; its keys speak for themselves.
    if (state.visit.value.phase !== "warning") kiosk.interact();
    else if (!target) kiosk.stay();
  },
).listen(document);
document.addEventListener("keydown", (event) => {
  if (state.visit.value.phase === "active" && !event.repeat) kiosk.interact();
});
window.addEventListener("error", (event) => {
  kiosk.failed(`${event.filename.split("/").at(-1) ?? ""}:${event.lineno}`, event.error instanceof Error ? event.error.name : "error");
});
window.addEventListener("unhandledrejection", (event) => {
  kiosk.failed("promise", event.reason instanceof Error ? event.reason.name : "rejection");
});
window.addEventListener("pagehide", () => kiosk.leave());
// A page the browser had put aside comes back with all it knew: it is made anew.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

setInterval(() => {
  clock.value = Date.now();
  kiosk.tick();
}, 250);
setInterval(() => void kiosk.send(), 1_000);
effect(() => {
  const screen = state.screen.value;
  if (screen && screen.mode !== "normal" && state.visit.peek().phase !== "attract") kiosk.end("closing");
});

render(<App kiosk={kiosk} />, document.body.querySelector("#app") ?? document.body);
void link.run();
