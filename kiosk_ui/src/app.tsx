/** Which screen is shown, from what is known. */

import { signal } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";

import { Bench } from "./bench/bench";
import { KioskContext } from "./context";
import { Access, Languages } from "./dialogs/access";
import { Erase } from "./dialogs/erase";
import { Help } from "./dialogs/help";
import { StaffMessage } from "./dialogs/message";
import { StillThere } from "./dialogs/still_there";
import type { Kiosk } from "./kiosk";
import { Acteur } from "./screens/acteur";
import { Acteurs, ChooseCommune } from "./screens/acteurs";
import { Attract } from "./screens/attract";
import { Shelf, Shelves } from "./screens/domaines";
import { Home } from "./screens/home";
import { Metier } from "./screens/metier";
import { Metiers } from "./screens/metiers";
import { Identify, Maintenance, OutOfService, Pairing, Starting, Waiting } from "./screens/modes";
import { Rappel } from "./screens/rappel";
import { Selection } from "./screens/selection";
import { announced, core, dialog, inVisit, route, screen, visit } from "./state";

/** Turns as time passes, for what depends on the hour alone. */
export const clock = signal(Date.now());

function Page() {
  const here = route.value;
  switch (here.page) {
    case "home":
      return <Home />;
    case "metiers":
      return <Metiers />;
    case "domaines":
    case "secteurs":
      return <Shelves by={here.page} key={here.page} />;
    case "domaine":
    case "secteur":
      return <Shelf route={here} />;
    case "metier":
      return <Metier rome={here.rome} key={here.rome} />;
    case "acteurs":
      return <Acteurs />;
    case "commune":
      return <ChooseCommune />;
    case "acteur":
      return <Acteur id={here.id} key={here.id} />;
    case "rappel":
      return <Rappel step={here.step} />;
    case "selection":
      return <Selection />;
  }
}

function Sheet() {
  if (visit.value.phase === "warning") return <StillThere />;
  switch (dialog.value) {
    case "erase":
      return <Erase />;
    case "access":
      return <Access />;
    case "languages":
      return <Languages />;
    case "help":
      return <Help />;
    case null:
      return null;
  }
}

function Current() {
  const now = screen.value;
  if (!now) return <Starting />;
  if (now.mode === "pairing") return <Pairing screen={now} />;
  if (now.mode === "out_of_service") return <OutOfService screen={now} />;
  if (now.mode === "maintenance") return <Maintenance screen={now} />;
  if (!core.value) return <Waiting screen={now} />;
  if (!inVisit.value) return <Attract />;
  return (
    <>
      <Page />
      <Sheet />
    </>
  );
}

/** Whether what the agent wants shown for a while is to be shown still, by the agent's clock. */
function lasts(until: string | null | undefined): boolean {
  return Boolean(until && new Date(until).getTime() > clock.value);
}

function Over() {
  const now = screen.value;
  if (!now) return null;
  return (
    <>
      {lasts(now.message?.until) && <StaffMessage text={now.message?.text ?? ""} />}
      {lasts(now.identify_until) && <Identify screen={now} />}
      {now.bench && <Bench asked={now.bench} key={now.bench.id} />}
    </>
  );
}

export function App({ kiosk }: { kiosk: Kiosk }) {
  return (
    <KioskContext.Provider value={kiosk}>
      <Boundary failed={(where, message) => kiosk.failed(where, message)}>
        <Current />
      </Boundary>
      <Over />
      <p class="vh" aria-live="polite">{announced.value}</p>
    </KioskContext.Provider>
  );
}

interface BoundaryProps {
  failed: (where: string, message: string) => void;
  children: ComponentChildren;
}

/** A page that fails is told and replaced; the visit ends rather than stay on a broken screen. */
class Boundary extends Component<BoundaryProps, { broken: boolean }> {
  override state = { broken: false };

  override componentDidCatch(error: unknown): void {
    this.props.failed("app/boundary", error instanceof Error ? error.name : "unknown");
    this.setState({ broken: true });
  }

  override render() {
    return this.state.broken ? <OutOfService screen={screen.value} /> : this.props.children;
  }
}
