/** What a person typed to be reached, checked kindly: an answer names what is missing, never a "format". */

export type Check = { ok: true; value: string } | { ok: false; key: string; n?: number };

const fine = (value: string): Check => ({ ok: true, value });
const wrong = (key: string, n?: number): Check => (n === undefined ? { ok: false, key } : { ok: false, key, n });

const DIGITS = 10;

/** A French number in its ten digits, or an international one as `+…` and 8 to 15 digits. */
export function checkPhone(typed: string, forSms: boolean): Check {
  const bare = typed.replace(/[\s.()/\u00a0-]/g, "").replace(/^00/, "+");
  if (bare === "") return wrong("contact.phone.empty");
  if (/[^+\d]/.test(bare) || bare.lastIndexOf("+") > 0) return wrong("contact.phone.digits");
  if (bare.startsWith("+") && !bare.startsWith("+33")) return checkForeign(bare);
  const national = bare.startsWith("+33") ? `0${bare.slice(3).replace(/^0/, "")}` : bare;
  if (!national.startsWith("0")) return wrong("contact.phone.zero");
  if (national.length < DIGITS) return wrong("contact.phone.missing", DIGITS - national.length);
  if (national.length > DIGITS) return wrong("contact.phone.extra", national.length - DIGITS);
  if (national[1] === "0") return wrong("contact.phone.unknown");
  if (forSms && !/^0[67]/.test(national)) return wrong("contact.phone.mobile");
  return fine(national);
}

function checkForeign(bare: string): Check {
  const digits = bare.length - 1;
  if (digits < 8) return wrong("contact.phone.missing", 8 - digits);
  if (digits > 15) return wrong("contact.phone.extra", digits - 15);
  return fine(bare);
}

export function checkEmail(typed: string): Check {
  const address = typed.trim();
  if (address === "") return wrong("contact.email.empty");
  if (/\s/.test(address)) return wrong("contact.email.space");
  const [local = "", domain = "", ...rest] = address.split("@");
  if (!address.includes("@")) return wrong("contact.email.at");
  if (rest.length > 0) return wrong("contact.email.ats");
  if (local === "") return wrong("contact.email.before");
  if (domain === "") return wrong("contact.email.after");
  if (!/^[^.]+(\.[^.]+)*\.[\p{L}]{2,}$/u.test(domain)) return wrong("contact.email.end");
  return fine(address);
}

export function checkName(typed: string): Check {
  const name = typed.trim().replace(/\s+/g, " ");
  return name === "" ? wrong("contact.name.empty") : fine(name.slice(0, 120));
}

/** As people read it aloud: ten digits by pairs, a freephone number as 0 800 200 303. */
export function spaced(number: string): string {
  if (/^08\d{8}$/.test(number)) return number.replace(/^0(\d{3})(\d{3})(\d{3})$/, "0\u00a0$1\u00a0$2\u00a0$3");
  return /^0\d{9}$/.test(number) ? number.replace(/(\d\d)(?=\d)/g, "$1\u00a0") : number;
}
