/** Who can help: the nearest first, around a commune that begins as the kiosk's own. */

import { useRef, useState } from "preact/hooks";

import { useKiosk } from "../context";
import { communesLike, nearest, type Near } from "../content/near";
import { current, type Actor, type Commune } from "../content/release";
import { Tray } from "../keyboard/tray";
import { Field } from "../parts/field";
import { Frame } from "../parts/frame";
import { Garder } from "../parts/garder";
import { Key } from "../parts/key";
import { inZone } from "../parts/opening";
import { Paged } from "../parts/paged";
import { Icon } from "../parts/pictures";
import { portrait, size } from "../room";
import { commune, content, listPage, screen } from "../state";
import { say, t, tn } from "../texts";

let byInsee: { of: readonly Commune[]; map: Map<string, Commune> } | null = null;

function communes(): Map<string, Commune> {
  const all = content.value?.communes ?? [];
  if (byInsee?.of !== all) byInsee = { of: all, map: new Map(all.map((one) => [one.insee, one])) };
  return byInsee.map;
}

export function shownActors(): Actor[] {
  const now = screen.value;
  const today = now ? inZone(now.now, now.settings.timezone).date : "";
  return current(content.value?.actors ?? [], today);
}

/** The commune chosen, else the kiosk's. */
function here(): Commune | undefined {
  return communes().get(commune.value ?? screen.value?.place?.commune ?? "");
}

function around(): Near[] {
  const from = here();
  if (from) return nearest(shownActors(), from, communes());
  return shownActors().map((actor) => ({ actor, nearness: "region", place: null }));
}

export function Acteurs() {
  const kiosk = useKiosk();
  const from = here();
  const found = around();
  const title = from ? t("acteurs.near", { commune: from.name }) : t("acteurs.title");
  const tight = size.value === "tight";
  return (
    <Frame section="acteurs" title={title} kind="list">
      <div class="row headline">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {!tight && <p class="soft under">{tn("acteurs.count", found.length)}</p>}
        </div>
        <span class="push" />
        <Key icon="pin" onPress={() => kiosk.go({ page: "commune" })}>
          {t("acteurs.elsewhere")}
        </Key>
      </div>
      <Paged name="acteurs" items={found} columns={portrait.value ? 1 : 2} row={tight ? 6.25 : size.value === "snug" ? 11.25 : 10.5} most={portrait.value ? 7 : 6} gap={tight ? 0.625 : 1}>
        {(one) => (
          <li class="hit" key={one.actor.id}>
            <button type="button" class="x" onClick={() => kiosk.go({ page: "acteur", id: one.actor.id })}>
              <span class="b">{one.actor.name}</span>
              <span class="small clamp">{say(one.actor.summary)}</span>
              <span class="soft small where">
                <Icon name="pin" /> {where(one)}
              </span>
            </button>
            {!tight && <Garder alone one={{ kind: "acteur", id: one.actor.id, label: one.actor.name }} />}
          </li>
        )}
      </Paged>
    </Frame>
  );
}

function where(one: Near): string {
  const town = one.place ? communes().get(one.place.commune)?.name : undefined;
  if (one.nearness === "commune") return t("acteurs.here");
  return town ? t(`acteurs.${one.nearness}.town`, { commune: town }) : t(`acteurs.${one.nearness}`);
}

export function ChooseCommune() {
  const kiosk = useKiosk();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const found = communesLike(typed, content.value?.communes ?? []);
  const choose = (one: Commune) => {
    commune.value = one.insee;
    listPage.value = { ...listPage.value, acteurs: 0 };
    kiosk.back();
  };
  const first = found[0];
  const tight = size.value === "tight";
  return (
    <Frame section="acteurs" title={t("commune.title")} kind="se typing">
      <h1 class={tight ? "vh" : "ask"} tabIndex={-1}>{t("commune.title")}</h1>
      <Field id="commune" label={t("commune.label")} hideLabel={!tight} first icon="pin" field={field} value={typed} maxLength={60}
        onInput={setTyped} onEnter={() => first && choose(first)} aside={typed ? tn("commune.count", found.length) : ""} />
      {typed && found.length === 0 && <p class="b" role="status">{t("commune.nothing")}</p>}
      <Paged name={`commune:${typed}`} items={found} columns={portrait.value ? 1 : size.value === "roomy" ? 3 : 2} row={tight ? 3.25 : 5} gap={tight ? 0.5 : 0.75}>
        {(one) => (
          <li key={one.insee}>
            <button type="button" class="shelf town" onClick={() => choose(one)}>
              <span class="x">
                <span class="b">{one.name}</span>
                <span class="soft small"> {one.postcodes[0]}</span>
              </span>
            </button>
          </li>
        )}
      </Paged>
      <Tray layout="text" field={() => field.current} onGo={() => first && choose(first)}
        go={first ? t("commune.go", { commune: first.name }) : t("commune.type")} />
    </Frame>
  );
}
