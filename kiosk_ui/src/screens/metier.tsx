/** One occupation, with what the release knows of it. */

import { useKiosk } from "../context";
import { Frame, sectionTitle } from "../parts/frame";
import { Garder } from "../parts/garder";
import { Key } from "../parts/key";
import { Leaf } from "../parts/paged";
import { content, trail } from "../state";
import { t, unbroken } from "../texts";
import { canBeCalled, offered } from "./home";
import { domainTitle } from "./metiers";

export function Metier({ rome }: { rome: string }) {
  const kiosk = useKiosk();
  const one = content.value?.occupations.find((other) => other.rome === rome);
  if (!one) return null;
  const names = new Map(content.value?.sectors.map((sector) => [sector.naf, sector.label]));
  const from = trail.value.at(-2)?.page;
  return (
    <Frame section="metiers" title={one.label} kind="sh" back={t(from === "metiers" ? "band.results" : "band.back")}>
      <Leaf kind="txt">
        <p class="tags">
          <span class="tag">{domainTitle(rome)}</span> <span class="tag">{t("metier.rome", { code: rome })}</span>
        </p>
        <h1 tabIndex={-1}>{one.label}</h1>
        <h2>{t("metier.sectors")}</h2>
        <ul class="ticks">
          {one.sectors.map((naf) => (
            <li key={naf}>{names.get(naf) ?? naf}</li>
          ))}
        </ul>
        <p class="soft small src">{t("metier.source")}</p>
      </Leaf>
      <aside>
        <p class="lead">{unbroken(t("metier.talk"))}</p>
        {canBeCalled() && (
          <Key icon="phone" kind="lamp xl" onPress={() => kiosk.openContact(`metiers/${rome.toLowerCase()}`)}>
            {sectionTitle("rappel")}
          </Key>
        )}
        {offered().some((section) => section.id === "acteurs") && (
          <Key icon="pin" onPress={() => kiosk.go({ page: "acteurs" })}>
            {sectionTitle("acteurs")}
          </Key>
        )}
        <Garder one={{ kind: "metier", id: rome, label: one.label }} />
      </aside>
    </Frame>
  );
}
