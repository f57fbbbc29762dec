/** "Saint-Étienne" and "st etienne": one spelling to compare what people type with what is written. */

const SHORTENED: Record<string, string> = { st: "saint", ste: "sainte" };

export function folded(text: string): string {
  return plain(text)
    .split(" ")
    .map((word) => SHORTENED[word] ?? word)
    .join(" ")
    .trim();
}

/** Lower case, without accents; anything that is no letter or digit becomes one space. */
export function plain(text: string): string {
  return text
    .replace(/œ/gi, "oe")
    .replace(/æ/gi, "ae")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ");
}
