/** Who is near: same commune, then same EPCI, then same department, then the region. */

import { folded } from "./fold";
import type { Actor, Commune } from "./release";

export const NEARNESS = ["commune", "epci", "department", "region"] as const;
export type Nearness = (typeof NEARNESS)[number];

export interface Near {
  actor: Actor;
  nearness: Nearness;
  /** The actor's own place that is nearest, if it has one in the department or nearer. */
  place: Actor["places"][number] | null;
}

export type CommuneOf = ReadonlyMap<string, Commune>;

/** Actors who serve `here`, nearest first; the pack's order decides between equals. */
export function nearest(actors: readonly Actor[], here: Commune, communes: CommuneOf): Near[] {
  const found = actors.map((actor) => near(actor, here, communes)).filter((one) => one !== null);
  return found.sort((a, b) => NEARNESS.indexOf(a.nearness) - NEARNESS.indexOf(b.nearness));
}

function near(actor: Actor, here: Commune, communes: CommuneOf): Near | null {
  const served = area(actor, here);
  if (served === null) return null;
  let best: Near = { actor, nearness: served, place: null };
  for (const place of actor.places) {
    const there = communes.get(place.commune);
    const distance = there ? between(there, here) : null;
    if (distance === null) continue;
    if (!best.place || NEARNESS.indexOf(distance) < NEARNESS.indexOf(best.nearness)) best = { actor, nearness: distance, place };
  }
  return best;
}

/** How closely an actor's area of service speaks of `here`; null when it leaves `here` out. */
function area(actor: Actor, here: Commune): Nearness | null {
  if (actor.area.communes) return actor.area.communes.includes(here.insee) ? "commune" : null;
  if (actor.area.departments) return actor.area.departments.includes(here.department) ? "department" : null;
  return "region";
}

function between(there: Commune, here: Commune): Nearness | null {
  if (there.insee === here.insee) return "commune";
  if (there.epci !== null && there.epci === here.epci) return "epci";
  return there.department === here.department ? "department" : null;
}

/** Communes whose name or postcode begins with what was typed; accents, case and hyphens do not count. */
export function communesLike(typed: string, communes: readonly Commune[], most = 12): Commune[] {
  const wanted = folded(typed);
  if (wanted === "") return [];
  if (/^\d+$/.test(wanted)) return communes.filter((one) => one.postcodes.some((code) => code.startsWith(wanted))).slice(0, most);
  const begins: Commune[] = [];
  const holds: Commune[] = [];
  for (const one of communes) {
    const name = folded(one.name);
    if (name.startsWith(wanted) || withoutArticle(name).startsWith(wanted)) begins.push(one);
    else if (name.includes(` ${wanted}`)) holds.push(one);
  }
  return [...begins, ...holds].slice(0, most);
}

function withoutArticle(name: string): string {
  return name.replace(/^(la|le|les|l) /, "");
}
