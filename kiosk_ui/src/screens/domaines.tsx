/** Occupations by domain of the ROME, and by sector of activity. */

import { useKiosk } from "../context";
import { Frame } from "../parts/frame";
import { Icon } from "../parts/pictures";
import { Paged } from "../parts/paged";
import type { Route } from "../routes";
import { portrait, size } from "../room";
import { content } from "../state";
import { say, t, tn } from "../texts";
import { Results } from "./metiers";

interface Shelf {
  id: string;
  title: string;
  count: number;
  route: Route;
}

function domains(): Shelf[] {
  const all = content.value;
  if (!all) return [];
  return all.domains
    .map((one) => ({
      id: one.code,
      title: say(one.title),
      count: all.occupations.filter((occupation) => occupation.rome.startsWith(one.code)).length,
      route: { page: "domaine" as const, code: one.code },
    }))
    .filter((one) => one.count > 0);
}

function sectors(): Shelf[] {
  const all = content.value;
  if (!all) return [];
  return all.sectors
    .map((one) => ({
      id: one.naf,
      title: one.label,
      count: all.occupations.filter((occupation) => occupation.sectors.includes(one.naf)).length,
      route: { page: "secteur" as const, naf: one.naf },
    }))
    .filter((one) => one.count > 0)
    .sort((a, b) => a.title.localeCompare(b.title, "fr"));
}

export function Shelves({ by }: { by: "domaines" | "secteurs" }) {
  const kiosk = useKiosk();
  const title = t(`metiers.by.${by}`);
  const tight = size.value === "tight";
  return (
    <Frame section="metiers" title={title} kind="list">
      <h1 tabIndex={-1}>{title}</h1>
      <Paged name={by} items={by === "domaines" ? domains() : sectors()} columns={portrait.value ? 1 : 2}
        row={tight ? 6 : portrait.value ? 9 : 8} most={portrait.value ? 7 : 6} gap={tight ? 0.625 : 1.125}>
        {(one) => (
          <li key={one.id}>
            <button type="button" class="shelf" onClick={() => kiosk.go(one.route)}>
              <span class="x">
                <span class="b">{one.title}</span>
                <span class="soft small">{tn("metiers.count", one.count)}</span>
              </span>
              <Icon name="right" />
            </button>
          </li>
        )}
      </Paged>
    </Frame>
  );
}

export function Shelf({ route }: { route: Extract<Route, { page: "domaine" | "secteur" }> }) {
  const all = content.value;
  const shelf = route.page === "domaine" ? domains().find((one) => one.id === route.code) : sectors().find((one) => one.id === route.naf);
  const items = (all?.occupations ?? [])
    .filter((one) => (route.page === "domaine" ? one.rome.startsWith(route.code) : one.sectors.includes(route.naf)))
    .sort((a, b) => a.label.localeCompare(b.label, "fr"));
  return (
    <Frame section="metiers" title={shelf?.title ?? ""} kind="list">
      <h1 tabIndex={-1}>{shelf?.title}</h1>
      <p class="soft under">{tn("metiers.count", items.length)}</p>
      <Results name={`${route.page}:${shelf?.id ?? ""}`} items={items} />
    </Frame>
  );
}
