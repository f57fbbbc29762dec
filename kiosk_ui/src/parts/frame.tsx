/** What every page of a visit has: the band above, the dock below, and where the eye and the voice begin. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { useKiosk } from "../context";
import type { SectionId } from "../content/release";
import { terse } from "../room";
import { announced, core, dialog, kept, language, low, route, screen, trail } from "../state";
import { say, t } from "../texts";
import { Key } from "./key";
import { Flag, Logo, Scene } from "./pictures";
import { openUntil } from "./opening";

export function sectionTitle(id: SectionId): string {
  return say(core.value?.index.sections.find((one) => one.id === id)?.title);
}

function Tools({ kind = "" }: { kind?: string }) {
  const short = terse.value;
  const name = core.value?.index.languages.find((one) => one.code === language.value)?.name ?? language.value;
  const abbreviated = language.value.slice(0, 2).replace(/^./, (letter) => letter.toUpperCase());
  return (
    <>
      <Key icon="acc" kind={kind} onPress={() => (dialog.value = "access")}>
        {t(short ? "tools.access.short" : "tools.access")}
      </Key>
      <Key icon="lang" kind={kind} label={`${short ? `${abbreviated} — ` : ""}${t("tools.language")} ${name}`} onPress={() => (dialog.value = "languages")}>
        {short ? abbreviated : name}
      </Key>
    </>
  );
}

function Head() {
  const place = screen.value?.place;
  const until = openUntil(screen.value);
  return (
    <header class="head">
      <Logo />
      {place && (
        <p class="place soft">
          {place.name}
          {place.demo && ` — ${t("home.demo")}`}
          {until && (
            <>
              <br />
              {t("home.until", { hour: until })}
            </>
          )}
        </p>
      )}
      <span class="push" />
      <Tools />
    </header>
  );
}

interface BandProps {
  section: SectionId | null;
  title: string;
  back: string;
  onBack: (() => void) | undefined;
}

function Band({ section, title, back, onBack }: BandProps) {
  const kiosk = useKiosk();
  return (
    <header class="band">
      <Key icon="left" kind="onband" onPress={onBack ?? (() => kiosk.back())}>
        {back}
      </Key>
      {section && <Flag section={section} />}
      <span class="name">{title}</span>
      <span class="push" />
      <Tools kind="onband" />
    </header>
  );
}

function Dock() {
  const kiosk = useKiosk();
  const short = terse.value;
  const n = kept.value.length;
  const words = (key: string) => t(short ? `${key}.short` : key);
  return (
    <footer class="dock">
      {route.value.page !== "home" && (
        <Key icon="home" kind="dockb" onPress={() => kiosk.go({ page: "home" })}>
          {t("dock.home")}
        </Key>
      )}
      {route.value.page !== "selection" && (
        <Key icon="keep" kind="dockb" onPress={() => kiosk.go({ page: "selection" })}>
          {words("dock.kept")}
          {n > 0 && <span class="count">{n}</span>}
        </Key>
      )}
      <Key icon="help" kind="dockb" onPress={() => kiosk.help()}>
        {words("dock.help")}
      </Key>
      <span class="push" />
      <Key icon="erase" kind="end" onPress={() => (dialog.value = "erase")}>
        {t("dock.end")}
      </Key>
    </footer>
  );
}

/** Under the band of low reach: information, nothing to touch. */
function Below() {
  const until = openUntil(screen.value);
  return <p class="below">{[screen.value?.place?.name, until && t("home.until", { hour: until })].filter(Boolean).join(" · ")}</p>;
}

interface FrameProps {
  section: SectionId | null;
  /** What the page is called, said when it appears. */
  title: string;
  /** The word of the key that goes back. */
  back?: string;
  /** Where the key goes back to, when that is not the page before. */
  onBack?: () => void;
  kind?: string;
  children: ComponentChildren;
}

export function Frame({ section, title, back, onBack, kind = "", children }: FrameProps) {
  const main = useRef<HTMLElement>(null);
  const here = trail.value;
  useLayoutEffect(() => {
    announced.value = title;
    document.title = `${title} — Balise`;
    const first = main.current?.querySelector<HTMLElement>("[data-focus]") ?? main.current?.querySelector<HTMLElement>("h1");
    first?.focus({ preventScroll: true });
    // Only a new page moves the focus: a title that changes language does not.
  }, [here]);
  const home = route.value.page === "home";
  const top = home ? (
    <Head key="top" />
  ) : (
    <Band key="top" section={section} title={section ? sectionTitle(section) : title} back={back ?? t("band.back")} onBack={onBack} />
  );
  const body = (
    <main key="body" class={`main ${kind}`} ref={main}>
      {children}
    </main>
  );
  // In low reach nothing above the band can be touched: only a title stands there.
  const upper = (
    <div key="upper" class="upper" aria-hidden="true">
      <Scene tall={false} />
      <Logo />
      <p class="d">{title}</p>
    </div>
  );
  return (
    <div class={home ? "screen at-home" : "screen"} data-section={section ?? undefined} inert={dialog.value !== null}>
      {low.value ? [upper, body, top] : [top, body]}
      <Dock />
      {low.value && <Below />}
    </div>
  );
}
