/** Occupations, as one types: accents, plurals, slips of the finger and missing letters are forgiven. */

import MiniSearch from "minisearch";

import { plain } from "./fold";
import type { Occupation } from "./release";

const EMPTY = new Set(["de", "du", "des", "d", "le", "la", "les", "l", "en", "et", "a", "au", "aux", "un", "une", "metier", "pour"]);

function term(word: string): string | null {
  const bare = plain(word).trim();
  if (bare === "" || EMPTY.has(bare)) return null;
  return bare.length > 3 ? bare.replace(/[sx]$/, "") : bare;
}

export type Search = (typed: string) => Occupation[];

export function indexOf(occupations: readonly Occupation[]): Search {
  const byRome = new Map(occupations.map((one) => [one.rome, one]));
  const mini = new MiniSearch<Occupation>({
    idField: "rome",
    fields: ["label", "rome"],
    tokenize: (text) => plain(text).split(" "),
    processTerm: term,
    searchOptions: {
      prefix: true,
      // One slip from four letters on, two from nine: "plonbier", "boulager", "infirmiere".
      fuzzy: (word) => (word.length >= 9 ? 2 : word.length >= 4 ? 1 : false),
      weights: { fuzzy: 0.3, prefix: 0.75 },
    },
  });
  mini.addAll(occupations);
  return (typed) => {
    const all = mini.search(typed, { combineWith: "AND" });
    const found = all.length > 0 ? all : mini.search(typed, { combineWith: "OR" });
    const begins = plain(typed).trim();
    return found
      .map((hit) => ({ one: byRome.get(hit.id as string), score: hit.score }))
      .filter((hit): hit is { one: Occupation; score: number } => hit.one !== undefined)
      .sort((a, b) => Number(starts(b.one, begins)) - Number(starts(a.one, begins)) || b.score - a.score)
      .map((hit) => hit.one);
  };
}

/** A title that begins with what was typed comes before one that only holds it. */
function starts(occupation: Occupation, typed: string): boolean {
  return typed !== "" && plain(occupation.label).startsWith(typed);
}

/** The pieces of a label, with those that answer the typed words marked. */
export function marked(label: string, typed: string): { text: string; hit: boolean }[] {
  const words = plain(typed).split(" ").map(term).filter((word) => word !== null);
  return label.split(/(?<=[^\p{L}\p{N}])|(?=[^\p{L}\p{N}])/u).flatMap((piece) => {
    const bare = plain(piece).trim();
    const hit = words.find((word) => bare !== "" && bare.startsWith(word));
    // An accent keeps its length once removed, a ligature does not: then the whole word is marked.
    if (hit === undefined) return [{ text: piece, hit: false }];
    if (bare.length !== piece.length) return [{ text: piece, hit: true }];
    return [{ text: piece.slice(0, hit.length), hit: true }, { text: piece.slice(hit.length), hit: false }];
  });
}
