/** The layouts of the in-page keyboard. `{…}` are keys with a name of their own; `·` never is a key. */

export type LayoutName = "text" | "email" | "phone" | "postcode";
export type Layer = "default" | "shift" | "accents" | "circumflex" | "digits";

type Layout = Partial<Record<Layer, string[]>> & { default: string[] };

const LETTERS: Required<Layout> = {
  default: [
    "a z e r t y u i o p {bksp}",
    "q s d f g h j k l m {accents}",
    "{shift} w x c v b n ’ - {circumflex} {digits}",
  ],
  shift: [
    "A Z E R T Y U I O P {bksp}",
    "Q S D F G H J K L M {accents}",
    "{letters} W X C V B N ’ - {circumflex} {digits}",
  ],
  accents: [
    "é è à ù ç É È À Ù Ç {bksp}",
    "q s d f g h j k l m {letters}",
    "{shift} w x c v b n ’ - {circumflex} {digits}",
  ],
  circumflex: [
    "ê ë â î ï ô û ü ÿ œ {bksp}",
    "q s d f g h j k l m {accents}",
    "{shift} w x c v b n ’ - {letters} {digits}",
  ],
  digits: [
    "1 2 3 4 5 6 7 8 9 0 {bksp}",
    "( ) / : ; . , ! ? & {accents}",
    "{shift} + = * # @ _ ’ - {circumflex} {letters}",
  ],
};

export const LAYOUTS: Record<LayoutName, Layout> = {
  text: LETTERS,
  email: {
    default: [
      "1 2 3 4 5 6 7 8 9 0 {bksp}",
      "a z e r t y u i o p @",
      "q s d f g h j k l m .",
      "w x c v b n - _ + .fr .com",
    ],
  },
  phone: { default: ["1 2 3 4 5 {bksp}", "6 7 8 9 0 +"] },
  postcode: { default: ["1 2 3 4 5 {bksp}", "6 7 8 9 0 ."] },
};

/** One accented or capital letter is typed at a time; digits usually come several in a row. */
export function layerAfter(layer: Layer): Layer {
  return layer === "digits" ? "digits" : "default";
}

/** The layer a key opens, or null when it types. */
export function opens(button: string): Layer | null {
  switch (button) {
    case "{shift}":
      return "shift";
    case "{letters}":
      return "default";
    case "{accents}":
      return "accents";
    case "{circumflex}":
      return "circumflex";
    case "{digits}":
      return "digits";
    default:
      return null;
  }
}
