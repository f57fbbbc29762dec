/** The last step: what will be sent, the consent text with its version, and the article 13 notice beside it. */

import { useState } from "preact/hooks";

import { checkPhone, spaced } from "../contact/checks";
import { submit } from "../contact/submit";
import { change } from "../contact/questions";
import { useKiosk } from "../context";
import { Frame } from "../parts/frame";
import { Key } from "../parts/key";
import { Leaf } from "../parts/paged";
import { Icon } from "../parts/pictures";
import { size } from "../room";
import { content, draft, submission, unmeasured, visit } from "../state";
import { say, t } from "../texts";
import { Steps } from "./rappel";

export function Consent() {
  const kiosk = useKiosk();
  const [missing, setMissing] = useState(false);
  const consent = content.value?.contact.consent;
  const ticked = draft.value.consent;
  const sending = submission.value.state === "sending";
  const send = async () => {
    if (!ticked) {
      setMissing(true);
      return;
    }
    kiosk.stepDone("consent");
    const session = visit.value.phase === "attract" || unmeasured.value ? null : visit.value.session;
    await submit(kiosk, session);
    kiosk.settle({ page: "rappel", step: "receipt" });
  };
  const box = (
    <button type="button" class={missing && !ticked ? "cons is-error" : "cons"} role="checkbox" aria-checked={ticked}
      aria-describedby={missing && !ticked ? "consent-error" : undefined} onClick={() => change({ consent: !ticked })}>
      <span class="box">{ticked && <Icon name="check" />}</span>
      <span>{say(consent?.text)}</span>
    </button>
  );
  const notice = (
    <>
      <h2>{t("contact.notice")}</h2>
      {say(consent?.notice).split(/\n+/).map((line, at) => <p key={at}>{line}</p>)}
      <p class="soft small">{t("contact.version", { version: consent?.version ?? "" })}</p>
    </>
  );
  const aside = size.value === "roomy";
  return (
    <Frame section="rappel" title={t("contact.step.consent")} kind="ct consent">
      <Steps step="consent" />
      <h1 class="vh" tabIndex={-1}>{t("contact.step.consent")}</h1>
      <div class={aside ? "cols" : "cols one"}>
        <Leaf>
          <Summary />
          {box}
          {missing && !ticked && (
            <p class="err" id="consent-error" role="alert">
              <Icon name="warn" />
              {t("contact.consent.missing")}
            </p>
          )}
          {!aside && notice}
        </Leaf>
        {aside && <div class="card"><Leaf kind="notice">{notice}</Leaf></div>}
      </div>
      <div class="row foot">
        <span class="push" />
        <Key icon="phone" kind="lamp xl" disabled={sending} onPress={() => void send()}>
          {t(sending ? "contact.sending" : "contact.send")}
        </Key>
      </div>
    </Frame>
  );
}

function Summary() {
  const one = draft.value;
  const form = content.value?.contact;
  const named = (options: { id: string; title: Record<string, string> }[] | undefined, ids: string[]) =>
    (options ?? []).filter((option) => ids.includes(option.id)).map((option) => say(option.title)).join(", ");
  const phone = checkPhone(one.phone, false);
  const actor = content.value?.actors.find((other) => other.id === one.actor)?.name;
  const lines: [string, string][] = [
    [t("contact.name"), one.name],
    [named(form?.channels, [one.channel]), one.channel === "email" ? one.email : phone.ok ? spaced(phone.value) : one.phone],
    [t("contact.topic.short"), named(form?.topics, [one.topic])],
    [t("contact.times.short"), named(form?.times, one.times)],
    [t("contact.actor"), actor ?? ""],
  ];
  return (
    <dl class="summary">
      {lines.filter(([, value]) => value !== "").map(([name, value]) => (
        <div key={name}>
          <dt class="soft">{name}</dt>
          <dd class="b break">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
