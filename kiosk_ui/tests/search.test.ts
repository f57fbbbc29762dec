import { describe, expect, it } from "vitest";

import type { Occupation } from "../src/content/release";
import { indexOf, marked } from "../src/content/search";

const LABELS = [
  "Soudeur / Soudeuse", "Chef soudeur / Cheffe soudeuse", "Plombier / Plombière", "Boulanger / Boulangère",
  "Infirmier / Infirmière", "Électricien / Électricienne", "Aide-soignant / Aide-soignante", "Vendeur / Vendeuse en prêt-à-porter",
  "Conducteur / Conductrice d’engins agricoles", "Développeur / Développeuse informatique", "Cuisinier / Cuisinière",
  "Maçon / Maçonne", "Assistant maternel / Assistante maternelle", "Éleveur / Éleveuse de chevaux",
];
const search = indexOf(LABELS.map((label, n): Occupation => ({ rome: `A${String(1000 + n)}`, label, sectors: [] })));
const first = (typed: string) => search(typed)[0]?.label;

describe("searching an occupation", () => {
  it.each([
    ["soud", "Soudeur / Soudeuse"],
    ["soudeur", "Soudeur / Soudeuse"],
    ["electricien", "Électricien / Électricienne"],
    ["ÉLECTRICIENNE", "Électricien / Électricienne"],
    ["macon", "Maçon / Maçonne"],
    ["plonbier", "Plombier / Plombière"],
    ["boulager", "Boulanger / Boulangère"],
    ["infirmieres", "Infirmier / Infirmière"],
    ["infimiere", "Infirmier / Infirmière"],
    ["cuisiner", "Cuisinier / Cuisinière"],
    ["aide soignante", "Aide-soignant / Aide-soignante"],
    ["pret a porter", "Vendeur / Vendeuse en prêt-à-porter"],
    ["engins", "Conducteur / Conductrice d’engins agricoles"],
    ["l’électricien", "Électricien / Électricienne"],
    ["assistante maternelle", "Assistant maternel / Assistante maternelle"],
    ["A1000", "Soudeur / Soudeuse"],
  ])("%s finds %s", (typed, label) => expect(first(typed)).toBe(label));

  it("finds nothing for what is no occupation", () => {
    expect(search("xqzwk")).toEqual([]);
    expect(search("de la")).toEqual([]);
  });
});

it("marks the letters that were typed, accents or not", () => {
  expect(marked("Électricien / Électricienne", "elec").filter((piece) => piece.hit).map((piece) => piece.text)).toEqual(["Élec", "Élec"]);
  expect(marked("Chef d’équipe", "equipe").map((piece) => piece.text).join("")).toBe("Chef d’équipe");
});
