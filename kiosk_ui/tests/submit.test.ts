import { describe, expect, it } from "vitest";

import { requestId } from "../src/contact/submit";
import type { ContactForm } from "../src/contact/seal";

const FORM: ContactForm = {
  format: 1, name: "Camille", channel: "phone", phone: "0639980123", email: "", when: ["any"], topic: "", actor: "",
  origin: "", message: "", postcode: "", language: "fr",
};

describe("the id of a request", () => {
  it("stays while the same form is sent again, so that a lost answer makes no second request", () => {
    expect(requestId(FORM)).toBe(requestId({ ...FORM }));
  });

  it("changes with what is written: a correction is another request", () => {
    const first = requestId(FORM);
    expect(requestId({ ...FORM, phone: "0639980124" })).not.toBe(first);
  });
});
