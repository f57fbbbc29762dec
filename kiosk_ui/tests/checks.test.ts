import { describe, expect, it } from "vitest";

import { checkEmail, checkName, checkPhone, spaced } from "../src/contact/checks";

const phone = (typed: string, sms = false) => {
  const check = checkPhone(typed, sms);
  return check.ok ? check.value : check.n === undefined ? check.key : `${check.key} ${check.n}`;
};
const email = (typed: string) => {
  const check = checkEmail(typed);
  return check.ok ? check.value : check.key;
};

describe("a telephone number", () => {
  it.each([
    ["06 39 98 01 23", "0639980123"],
    ["06.39.98.01.23", "0639980123"],
    ["+33 6 39 98 01 23", "0639980123"],
    ["0033639980123", "0639980123"],
    ["+33 (0)6 39 98 01 23", "0639980123"],
    ["+352 621 123 456", "+352621123456"],
  ])("%s is understood", (typed, value) => expect(phone(typed)).toBe(value));

  it.each([
    ["", "contact.phone.empty"],
    ["06 39 98 0", "contact.phone.missing 3"],
    ["06 39 98 01 2", "contact.phone.missing 1"],
    ["06 39 98 01 234", "contact.phone.extra 1"],
    ["639980123", "contact.phone.zero"],
    ["06 39 a8 01 23", "contact.phone.digits"],
    ["0039980123x", "contact.phone.digits"],
    ["+1 23", "contact.phone.missing 5"],
  ])("%s: %s", (typed, problem) => expect(phone(typed)).toBe(problem));

  it("must be a mobile one for a text message", () => {
    expect(phone("0240990000", true)).toBe("contact.phone.mobile");
    expect(phone("0739980123", true)).toBe("0739980123");
  });

  it("is shown as people read it aloud", () => {
    expect(spaced("0639980123")).toBe("06\u00a039\u00a098\u00a001\u00a023");
    expect(spaced("0800200303")).toBe("0\u00a0800\u00a0200\u00a0303");
    expect(spaced("3949")).toBe("3949");
  });
});

describe("an e-mail address", () => {
  it.each(["yannick@exemple.fr", "a.b-c+d@sous.domaine.exemple.org", "zoé@éxemple.fr"])("%s is fine", (typed) =>
    expect(email(` ${typed} `)).toBe(typed),
  );

  it.each([
    ["", "contact.email.empty"],
    ["yannick", "contact.email.at"],
    ["yannick@", "contact.email.after"],
    ["@exemple.fr", "contact.email.before"],
    ["yannick@exemple", "contact.email.end"],
    ["yannick@exemple.", "contact.email.end"],
    ["yan nick@exemple.fr", "contact.email.space"],
    ["a@b@exemple.fr", "contact.email.ats"],
  ])("%s: %s", (typed, problem) => expect(email(typed)).toBe(problem));
});

it("a first name is asked for, and its spaces tidied", () => {
  expect(checkName("  ")).toEqual({ ok: false, key: "contact.name.empty" });
  expect(checkName(" Anne   Marie ")).toEqual({ ok: true, value: "Anne Marie" });
});
