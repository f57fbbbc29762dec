import { useEffect } from "preact/hooks";

import { useKiosk } from "../context";
import type { Section, SectionId } from "../content/release";
import { Frame } from "../parts/frame";
import { Key } from "../parts/key";
import { Paged } from "../parts/paged";
import { Flag, Icon, Picture } from "../parts/pictures";
import type { Route } from "../routes";
import { box, rem, size } from "../room";
import { core, language, screen } from "../state";
import { inLanguage, say, sentences, t, unbroken } from "../texts";
import { prepareSearch } from "./metiers";

/** The sections this page can show; the release says which of them it holds. */
const ENTRIES: Partial<Record<SectionId, Route>> = { metiers: { page: "metiers" }, acteurs: { page: "acteurs" } };

export function offered(): Section[] {
  return (core.value?.index.sections ?? []).filter((one) => one.available && (one.id in ENTRIES || one.id === "rappel"));
}

export function canBeCalled(): boolean {
  return offered().some((one) => one.id === "rappel");
}

export function Home() {
  const kiosk = useKiosk();
  const sections = offered();
  const tiles = sections.filter((one) => one.id !== "rappel");
  const call = sections.find((one) => one.id === "rappel");
  const welcome = inLanguage(screen.value?.settings.welcome, language.value);
  const simple = core.value?.index.languages.find((one) => one.code === "fr-simple");
  const small = size.value === "tight";
  // While the visitor reads the board, the search and the keyboard make themselves ready.
  useEffect(() => {
    const waiting = requestIdleCallback(() => void prepareSearch());
    return () => cancelIdleCallback(waiting);
  }, []);
  return (
    <Frame section={null} title={t("home.title")} kind="home">
      <svg class="bend" viewBox="0 0 680 420" aria-hidden="true">
        <path d="M680 60H620C480 60 470 150 340 160S150 130 110 220s60 120 20 210" fill="none" stroke="var(--sand)" stroke-width="64" />
      </svg>
      <div class="left">
        <h1 tabIndex={-1}>
          {sentences(t(small ? "home.title" : "home.hello")).map((line) => (
            <span key={line}>{unbroken(line)} </span>
          ))}
        </h1>
        {!small && <p class="lead">{t("home.lead")}</p>}
        {welcome && <p class="welcome">{welcome}</p>}
        {simple && !small && (
          <div class="acts">
            {language.value === "fr-simple" ? (
              <Key icon="book" onPress={() => kiosk.speak("fr")}>
                {t("home.usual")}
              </Key>
            ) : (
              <Key icon="book" onPress={() => kiosk.speak(simple.code)}>
                {simple.name}
              </Key>
            )}
          </div>
        )}
      </div>
      <div class="board" data-tiles={tiles.length}>
        {small && tiles.length > 4 ? (
          <Paged name="home" items={tiles} columns={2} row={(box.value.height / rem.value - 14) / 2} gap={0.625} most={4}>
            {(one) => <li key={one.id}>{tile(one, (route) => kiosk.go(route))}</li>}
          </Paged>
        ) : (
          tiles.map((one) => tile(one, (route) => kiosk.go(route)))
        )}
        {call && (
          <button type="button" class="tile wide" data-section="rappel" onClick={() => kiosk.openContact("home")}>
            <Picture of="rappel" />
            <span class="words">
              <span class="t">{say(call.title)}</span>
              <span class="s">{say(call.line)}</span>
            </span>
            <span class="push" />
            <span class="arrow">
              <Icon name="right" />
            </span>
          </button>
        )}
      </div>
    </Frame>
  );
}

function tile(one: Section, go: (route: Route) => void) {
  const route = ENTRIES[one.id];
  return (
    <button type="button" class="tile" key={one.id} data-section={one.id} onClick={() => route && go(route)}>
      <Flag section={one.id} />
      <Picture of={one.id} />
      <span class="t">{say(one.title)}</span>
      <span class="s">{say(one.line)}</span>
    </button>
  );
}
