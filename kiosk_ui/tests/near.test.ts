import { describe, expect, it } from "vitest";

import { communesLike, nearest } from "../src/content/near";
import { current, type Actor, type Commune } from "../src/content/release";

const commune = (insee: string, name: string, department: string, epci: string | null, ...postcodes: string[]): Commune => ({
  insee, name, department, epci, postcodes,
});
const LAVAL = commune("53130", "Laval", "53", "laval", "53000");
const BONCHAMP = commune("53034", "Bonchamp-lès-Laval", "53", "laval", "53960");
const MAYENNE = commune("53147", "Mayenne", "53", "mayenne", "53100");
const NANTES = commune("44109", "Nantes", "44", "nantes", "44000", "44100");
const HERBIERS = commune("85109", "Les Herbiers", "85", null, "85500");
const SAINT_ETIENNE = commune("44158", "Saint-Étienne-de-Mer-Morte", "44", "retz", "44270");
const ALL = [LAVAL, BONCHAMP, MAYENNE, NANTES, HERBIERS, SAINT_ETIENNE];
const BY_INSEE = new Map(ALL.map((one) => [one.insee, one]));

const actor = (id: string, area: Actor["area"], ...places: Commune[]): Actor => ({
  id, name: id, kind: "x", summary: { fr: "" }, offers: [], publics: [], free: true, area,
  places: places.map((one) => ({ name: id, commune: one.insee })),
  source: { title: "", url: "" }, checked_on: "2026-11-01", certain: true,
});

describe("who is near", () => {
  it("puts the same commune first, then the EPCI, the department and the region", () => {
    const found = nearest(
      [
        actor("region", { region: true }),
        actor("department", { departments: ["53"] }, MAYENNE),
        actor("epci", { region: true }, NANTES, BONCHAMP),
        actor("commune", { departments: ["53", "72"] }, MAYENNE, LAVAL),
      ],
      LAVAL,
      BY_INSEE,
    );
    expect(found.map((one) => [one.actor.id, one.nearness, one.place?.commune])).toEqual([
      ["commune", "commune", "53130"],
      ["epci", "epci", "53034"],
      ["department", "department", "53147"],
      ["region", "region", undefined],
    ]);
  });

  it("leaves out who does not serve the place", () => {
    const actors = [actor("elsewhere", { departments: ["49"] }, LAVAL), actor("here", { communes: ["53130"] })];
    expect(nearest(actors, LAVAL, BY_INSEE).map((one) => one.actor.id)).toEqual(["here"]);
  });

  it("does not take two communes without EPCI for neighbours", () => {
    const lone = commune("85999", "Île", "85", null, "85350");
    const found = nearest([actor("a", { region: true }, lone)], HERBIERS, new Map([...BY_INSEE, ["85999", lone]]));
    expect(found[0]?.nearness).toBe("department");
  });
});

describe("a commune, as one types it", () => {
  it.each([
    ["laval", ["Laval", "Bonchamp-lès-Laval"]],
    ["st etienne", ["Saint-Étienne-de-Mer-Morte"]],
    ["SAINT-É", ["Saint-Étienne-de-Mer-Morte"]],
    ["herb", ["Les Herbiers"]],
    ["441", ["Nantes"]],
    ["", []],
    ["zzz", []],
  ])("%s", (typed, names) => expect(communesLike(typed, ALL).map((one) => one.name)).toEqual(names));
});

it("what has expired is not shown, on the day after its last", () => {
  const items = [{ id: 1, expires_on: "2026-11-24" }, { id: 2, expires_on: "2026-11-23" }, { id: 3 }];
  expect(current(items, "2026-11-24").map((one) => one.id)).toEqual([1, 3]);
});
