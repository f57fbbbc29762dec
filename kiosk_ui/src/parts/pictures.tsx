/** Icons, flags and illustrations of the identity, inlined so that they take the inks of the section they stand in. */

import type { SectionId } from "../content/release";

import flagActeurs from "../pictures/flag-acteurs.svg?raw";
import flagFormations from "../pictures/flag-formations.svg?raw";
import flagMetiers from "../pictures/flag-metiers.svg?raw";
import flagPoint from "../pictures/flag-point.svg?raw";
import flagRappel from "../pictures/flag-rappel.svg?raw";
import flagTemoignages from "../pictures/flag-temoignages.svg?raw";
import flagVisites from "../pictures/flag-visites.svg?raw";
import icons from "../pictures/icons.svg?raw";
import illActeurs from "../pictures/ill-acteurs.svg?raw";
import attractTall from "../pictures/ill-attract-portrait.svg?raw";
import attract from "../pictures/ill-attract.svg?raw";
import illEffacer from "../pictures/ill-effacer.svg?raw";
import illFormations from "../pictures/ill-formations.svg?raw";
import illMetiers from "../pictures/ill-metiers.svg?raw";
import illPoint from "../pictures/ill-point.svg?raw";
import illRappel from "../pictures/ill-rappel.svg?raw";
import illTemoignages from "../pictures/ill-temoignages.svg?raw";
import illVisites from "../pictures/ill-visites.svg?raw";
import logo from "../pictures/logo.svg?raw";

const SYMBOLS = new Map(
  Array.from(icons.matchAll(/<symbol id="(\w+)"[^>]*>(.*?)<\/symbol>/g), ([, id = "", drawing = ""]) => [id, drawing]),
);

const FLAGS: Record<SectionId, string> = {
  metiers: inside(flagMetiers), formations: inside(flagFormations), acteurs: inside(flagActeurs), point: inside(flagPoint),
  temoignages: inside(flagTemoignages), visites: inside(flagVisites), rappel: inside(flagRappel),
};
const PICTURES: Record<SectionId | "effacer", string> = {
  metiers: inside(illMetiers), formations: inside(illFormations), acteurs: inside(illActeurs), point: inside(illPoint),
  temoignages: inside(illTemoignages), visites: inside(illVisites), rappel: inside(illRappel), effacer: inside(illEffacer),
};

function inside(svg: string): string {
  return svg.replace(/^[^]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
}

function viewBox(svg: string): string {
  return /viewBox="([^"]+)"/.exec(svg)?.[1] ?? "0 0 1920 1080";
}

const html = (drawing: string) => ({ dangerouslySetInnerHTML: { __html: drawing } });

export function Icon({ name, filled = false }: { name: string; filled?: boolean }) {
  return <svg class={filled ? "ic full" : "ic"} viewBox="0 0 32 32" aria-hidden="true" {...html(SYMBOLS.get(name) ?? "")} />;
}

export function Flag({ section, paper = false }: { section: SectionId; paper?: boolean }) {
  return (
    <svg class={paper ? "flag paper-flag" : "flag"} viewBox="0 0 48 48" fill="none" aria-hidden="true" data-section={section}
      {...html(FLAGS[section])} />
  );
}

export function Picture({ of }: { of: SectionId | "effacer" }) {
  const source = of === "effacer" ? viewBox(illEffacer) : "0 0 240 240";
  return <svg class="ill" viewBox={source} fill="none" aria-hidden="true" {...html(PICTURES[of])} />;
}

export function Logo() {
  return <svg class="logo" viewBox="12 0 265 64" role="img" aria-label="Balise" {...html(inside(logo))} />;
}

/** The attract scene; the beam sweeps by CSS, and stands still when motion is off. */
export function Scene({ tall }: { tall: boolean }) {
  const drawing = tall ? attractTall : attract;
  return (
    <svg class="scene" viewBox={tall ? "0 0 1080 1920" : "0 112 1920 968"} preserveAspectRatio="xMidYMax slice" aria-hidden="true"
      {...html(inside(drawing))} />
  );
}
