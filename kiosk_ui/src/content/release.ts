/** A content release as the page reads it. Everything shown comes from one release, read whole before it is adopted. */

import type { L10n } from "../wire";

export const SECTIONS = ["metiers", "formations", "acteurs", "temoignages", "visites", "point", "rappel"] as const;
export type SectionId = (typeof SECTIONS)[number];

export interface Section {
  id: SectionId;
  title: L10n;
  line: L10n;
  available: boolean;
}

export interface Index {
  format: 1;
  label: string;
  languages: { code: string; name: string }[];
  sections: Section[];
  attract: { title: L10n; line: L10n };
}

export interface Occupation {
  rome: string;
  label: string;
  sectors: string[];
}

export interface Commune {
  insee: string;
  name: string;
  department: string;
  postcodes: string[];
  epci: string | null;
}

export interface Actor {
  id: string;
  name: string;
  kind: string;
  summary: L10n;
  offers: L10n[];
  publics: string[];
  free: boolean;
  phone?: string;
  phone_hours?: string | L10n;
  url?: string;
  email?: string;
  area: { departments?: string[]; communes?: string[]; region?: boolean };
  places: { name: string; commune: string; address?: string }[];
  source: { title: string; url: string };
  checked_on: string;
  expires_on?: string;
  certain: boolean;
  note?: L10n;
}

export interface Choice {
  id: string;
  title: L10n;
}

export interface ContactTexts {
  topics: Choice[];
  times: Choice[];
  channels: Choice[];
  consent: { version: string; text: L10n; notice: L10n };
  host_phone_fallback?: string;
}

/** What the first screen needs. */
export interface Core {
  id: string;
  index: Index;
  texts: Record<string, L10n>;
}

export interface Content extends Core {
  contact: ContactTexts;
  domains: { code: string; title: L10n }[];
  sectors: { naf: string; label: string }[];
  occupations: Occupation[];
  communes: Commune[];
  epci: Map<string, string>;
  actors: Actor[];
}

/** A file of the release is missing or can't be read: the release must not be adopted. */
export class Unreadable extends Error {}

async function read<T>(release: string, path: string): Promise<T> {
  const answer = await fetch(`/content/${release}/${path}`).catch(() => null);
  if (!answer?.ok) throw new Unreadable(`${path}: ${answer?.status ?? "away"}`);
  try {
    return (await answer.json()) as T;
  } catch {
    throw new Unreadable(`${path}: JSON`);
  }
}

export async function readCore(release: string): Promise<Core> {
  const [index, texts] = await Promise.all([
    read<Index>(release, "index.json"),
    read<Record<string, L10n>>(release, "texts.json"),
  ]);
  if (!Array.isArray(index.sections) || index.sections.length === 0) throw new Unreadable("index.json: sections");
  return { id: release, index, texts };
}

export async function readContent(core: Core): Promise<Content> {
  const get = <T>(path: string) => read<T>(core.id, path);
  const [contact, domains, sectors, occupations, communes, epci, actors] = await Promise.all([
    get<ContactTexts>("contact/form.json"),
    get<{ code: string; title: L10n }[]>("metiers/domains.json"),
    get<{ naf: string; label: string }[]>("metiers/sectors.json"),
    get<[string, string, string[]][]>("metiers/occupations.json"),
    get<[string, string, string, string[], string | null, number][]>("territory/communes.json"),
    get<[string, string][]>("territory/epci.json"),
    get<Actor[]>("acteurs/actors.json"),
  ]);
  if (occupations.length === 0) throw new Unreadable("metiers/occupations.json: empty");
  return {
    ...core,
    contact,
    domains,
    sectors,
    occupations: occupations.map(([rome, label, naf]) => ({ rome, label: typographic(label), sectors: naf })),
    communes: communes.map(([insee, name, department, postcodes, siren]) => ({ insee, name, department, postcodes, epci: siren })),
    epci: new Map(epci),
    actors,
  };
}

/** Public data use the straight apostrophe. */
function typographic(label: string): string {
  return label.replace(/'/g, "’");
}

/** `expires_on` is the last day an item may be shown. */
export function current<T extends { expires_on?: string }>(items: readonly T[], today: string): T[] {
  return items.filter((item) => !item.expires_on || item.expires_on >= today);
}
