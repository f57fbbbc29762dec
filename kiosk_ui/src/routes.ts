/** The pages of a visit, as data. Routing is in memory: the address never changes, nothing is left in a history. */

import type { SectionId } from "./content/release";

export type Route =
  | { page: "home" }
  | { page: "metiers" }
  | { page: "domaines" }
  | { page: "domaine"; code: string }
  | { page: "secteurs" }
  | { page: "secteur"; naf: string }
  | { page: "metier"; rome: string }
  | { page: "acteurs" }
  | { page: "commune" }
  | { page: "acteur"; id: string }
  | { page: "rappel"; step: ContactStep }
  | { page: "selection" };

export const CONTACT_STEPS = ["reach", "when", "consent", "receipt"] as const;
export type ContactStep = (typeof CONTACT_STEPS)[number];

/** What usage events call a page (`PageId` of wire/events.py). Nothing typed is ever in it. */
export function pageId(route: Route): string {
  switch (route.page) {
    case "domaines":
      return "metiers/domaines";
    case "domaine":
      return `metiers/domaines/${route.code.toLowerCase()}`;
    case "secteurs":
      return "metiers/secteurs";
    case "secteur":
      return `metiers/secteurs/${route.naf.toLowerCase()}`;
    case "metier":
      return `metiers/${route.rome.toLowerCase()}`;
    case "commune":
      return "acteurs/commune";
    case "acteur":
      return `acteurs/${route.id.toLowerCase()}`;
    case "rappel":
      return `rappel/${route.step}`;
    default:
      return route.page;
  }
}

export function sectionOf(route: Route): SectionId | null {
  switch (route.page) {
    case "home":
    case "selection":
      return null;
    case "acteurs":
    case "commune":
    case "acteur":
      return "acteurs";
    case "rappel":
      return "rappel";
    default:
      return "metiers";
  }
}
