/** Being called back: three steps, one question a screen where the room is small. */

import { useEffect, useRef, useState } from "preact/hooks";

import { Ask, QUESTIONS, type Question } from "../contact/questions";
import { useKiosk } from "../context";
import { Tray } from "../keyboard/tray";
import { Frame } from "../parts/frame";
import { Key } from "../parts/key";
import { Icon } from "../parts/pictures";
import type { ContactStep } from "../routes";
import { size } from "../room";
import { draft, screen } from "../state";
import { t, tn } from "../texts";
import { Consent } from "./consent";
import { Impossible, Receipt } from "./receipt";

const STEPS: ContactStep[] = ["reach", "when", "consent"];

export function Steps({ step }: { step: ContactStep }) {
  const at = STEPS.indexOf(step);
  return (
    <ol class="stp" aria-label={t("contact.steps")}>
      {STEPS.map((one, n) => (
        <li key={one} class={n < at ? "done" : n === at ? "on" : ""} aria-current={n === at ? "step" : undefined}>
          <b>{n < at ? <Icon name="check" /> : n + 1}</b>
          <span>{t(`contact.step.${one}`)}</span>
        </li>
      ))}
    </ol>
  );
}

export function Rappel({ step }: { step: ContactStep }) {
  if (step === "receipt") return <Receipt />;
  if (!screen.value?.sealing) return <Impossible />;
  if (step === "consent") return <Consent />;
  return <Asking step={step} key={step} />;
}

/** The questions on one screen: all those of the step, or one where letters are large or the screen small. */
function onScreen(step: ContactStep, at: number): Question[] {
  const all = QUESTIONS.filter((one) => one.step === step);
  return size.value === "roomy" ? all : all.slice(at, at + 1);
}

function Asking({ step }: { step: ContactStep }) {
  const kiosk = useKiosk();
  const [at, setAt] = useState(0);
  const [errors, setErrors] = useState<Partial<Record<Question["id"], string>>>({});
  const fields = { name: useRef<HTMLInputElement>(null), address: useRef<HTMLInputElement>(null) };
  const [active, setActive] = useState<"name" | "address">("name");
  const shown = onScreen(step, at);
  const typed = shown.filter((one) => one.layout(draft.value) !== null);
  const current = typed.find((one) => one.id === active) ?? typed[0];
  const fieldOf = (id: Question["id"]) => fields[id === "address" ? "address" : "name"];

  // The Tab key passes over a field without taking the keyboard to it: Enter, a touch or a letter does.
  const fill = (one: Question) => setActive(one.id === "address" ? "address" : "name");
  const next = () => {
    const wrong = shown.map((one) => ({ one, check: one.check(draft.value) })).filter(({ check }) => !check.ok);
    setErrors(Object.fromEntries(wrong.map(({ one, check }) => [one.id, check.ok ? "" : check.n ? tn(check.key, check.n) : t(check.key)])));
    const first = wrong[0];
    if (first) {
      fill(first.one);
      fieldOf(first.one.id).current?.focus();
    } else if (shown.at(-1)?.id !== QUESTIONS.filter((one) => one.step === step).at(-1)?.id) setAt(at + 1);
    else {
      kiosk.stepDone(step);
      kiosk.go({ page: "rappel", step: step === "reach" ? "when" : "consent" });
    }
  };
  const layout = current?.layout(draft.value);
  // A question that comes alone is ready to be answered.
  useEffect(() => {
    if (at > 0) (current ? fieldOf(current.id).current : null)?.focus();
  }, [at]);
  return (
    <Frame section="rappel" title={t(`contact.step.${step}`)} kind={layout ? "ct typing" : "ct"} {...(at > 0 ? { onBack: () => setAt(at - 1) } : {})}>
      <Steps step={step} />
      <h1 class="vh" tabIndex={-1}>{t(`contact.step.${step}`)}</h1>
      <div class={`asks ${step}`} key={shown.length > 1 ? step : at}>
        {shown.map((one) => (
          <Ask key={one.id} question={one} error={errors[one.id] ?? ""} field={fieldOf(one.id)} first={one.id === current?.id}
            onFill={() => fill(one)} onEnter={() => (one.id === current?.id ? next() : fill(one))} />
        ))}
      </div>
      {layout && current ? (
        <Tray layout={layout} field={() => fieldOf(current.id).current} go={t("contact.next")} onGo={next} />
      ) : (
        <div class="row foot">
          <span class="push" />
          <Key icon="right" kind="lamp xl end-ic" onPress={next}>
            {t("contact.next")}
          </Key>
        </div>
      )}
    </Frame>
  );
}
