/** Seals what was typed and hands it to the agent. *Accepted means kept*: anything else is said, with a telephone number. */

import type { Kiosk } from "../kiosk";
import { content, draft, forgetDraft, language, screen, submission, type Draft } from "../state";
import { checkEmail, checkName, checkPhone } from "./checks";
import type { ContactForm } from "./seal";

/** The server's key may change while a form is being sealed: it is sealed again with the new one. */
const TRIES = 3;

/** Times a person can choose, as `wire/request.py` knows them. */
const TIMES = new Set(["morning", "noon", "afternoon", "evening", "any"]);

export function formOf(one: Draft, spoken: string): ContactForm {
  const value = (check: { ok: boolean; value?: string }) => (check.ok ? (check.value ?? "") : "");
  const times = one.times.filter((time) => TIMES.has(time));
  return {
    format: 1,
    name: value(checkName(one.name)),
    channel: one.channel === "email" || one.channel === "sms" ? one.channel : "phone",
    phone: one.channel === "email" ? "" : value(checkPhone(one.phone, false)),
    email: one.channel === "email" ? value(checkEmail(one.email)) : "",
    when: times.length > 0 ? times : ["any"],
    topic: one.topic,
    actor: one.actor,
    origin: one.origin,
    message: "",
    postcode: "",
    language: spoken,
  };
}

export function phoneToCall(): string {
  return screen.value?.settings.host_phone || content.value?.contact.host_phone_fallback || "";
}

/** The same form sent again, after an answer that was lost, is the same request: the agent keeps it once. */
let attempt = { form: "", id: "" };

export function requestId(form: ContactForm): string {
  const written = JSON.stringify(form);
  if (attempt.form !== written) attempt = { form: written, id: crypto.randomUUID() };
  return attempt.id;
}

export async function submit(kiosk: Kiosk, session: string | null): Promise<void> {
  submission.value = { state: "sending" };
  const form = formOf(draft.value, language.value);
  try {
    const { seal } = await import("./seal");
    for (let tries = 0; tries < TRIES; tries += 1) {
      const now = screen.value;
      const consent = content.value?.contact.consent.version;
      if (!now?.sealing || !consent) break;
      const context = { terminal: now.terminal, generation: now.generation, consent };
      const receipt = await kiosk.agent.request(await seal(form, now.sealing, context, requestId(form)), session);
      if (receipt.outcome === "kept") {
        submission.value = { state: "kept", online: receipt.online, number: receipt.number || phoneToCall(), promisedBy: receipt.promisedBy };
        forgetDraft();
        attempt = { form: "", id: "" };
        kiosk.submitted();
        return;
      }
      if (receipt.outcome === "refused") {
        submission.value = { state: "refused", why: receipt.why, phone: receipt.phone || phoneToCall() };
        return;
      }
      if (receipt.outcome === "away") break;
      await kiosk.refresh();
    }
  } catch (problem) {
    // The message of a sealing error names an algorithm or a key, never the form.
    kiosk.failed("contact/submit", problem instanceof Error ? problem.name : "unknown");
  }
  submission.value = { state: "refused", why: "away", phone: phoneToCall() };
}
