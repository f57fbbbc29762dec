/** The questions of *Me faire rappeler*: what each asks, and what is wrong with the answer. */

import type { RefObject } from "preact";

import type { LayoutName } from "../keyboard/layouts";
import { Field } from "../parts/field";
import { Key } from "../parts/key";
import type { ContactStep } from "../routes";
import { content, draft, type Draft } from "../state";
import { say, t } from "../texts";
import { checkEmail, checkName, checkPhone, type Check } from "./checks";

export type QuestionId = "name" | "channel" | "address" | "topic" | "times";

export interface Question {
  id: QuestionId;
  step: ContactStep;
  /** The keyboard it needs, if it is typed. */
  layout: (draft: Draft) => LayoutName | null;
  check: (draft: Draft) => Check;
}

const always: Check = { ok: true, value: "" };

export const QUESTIONS: Question[] = [
  { id: "name", step: "reach", layout: () => "text", check: (one) => checkName(one.name) },
  { id: "channel", step: "reach", layout: () => null, check: () => always },
  {
    id: "address",
    step: "reach",
    layout: (one) => (one.channel === "email" ? "email" : "phone"),
    check: (one) => (one.channel === "email" ? checkEmail(one.email) : checkPhone(one.phone, one.channel === "sms")),
  },
  { id: "topic", step: "when", layout: () => null, check: () => always },
  { id: "times", step: "when", layout: () => null, check: () => always },
];

export function change(part: Partial<Draft>): void {
  draft.value = { ...draft.value, ...part };
}

export interface AskProps {
  question: Question;
  error: string;
  field: RefObject<HTMLInputElement | null>;
  /** This field is the one being filled: the keyboard types into it. */
  onFill: () => void;
  onEnter: () => void;
  first: boolean;
}

export function Ask(props: AskProps) {
  const one = draft.value;
  const fill = (part: (typed: string) => Partial<Draft>) => (typed: string) => {
    props.onFill();
    change(part(typed));
  };
  switch (props.question.id) {
    case "name":
      return (
        <Field id="name" label={t("contact.name")} value={one.name} onInput={fill((name) => ({ name }))} {...rest(props)} />
      );
    case "channel":
      return <Channels />;
    case "address":
      return one.channel === "email" ? (
        <Field id="email" label={t("contact.email")} value={one.email} onInput={fill((email) => ({ email }))} maxLength={200} {...rest(props)} />
      ) : (
        <Field id="phone" label={t("contact.phone")} value={one.phone} onInput={fill((phone) => ({ phone: byPairs(phone) }))} maxLength={25} {...rest(props)} />
      );
    case "topic":
      return (
        <Choices name="topic" label={t("contact.topic")} options={content.value?.contact.topics ?? []} chosen={[one.topic]}
          onChoose={(id) => change({ topic: one.topic === id ? "" : id })} />
      );
    case "times":
      return (
        <Choices name="times" label={t("contact.times")} options={content.value?.contact.times ?? []} chosen={one.times}
          onChoose={(id) => change({ times: toggled(one.times, id) })} />
      );
  }
}

function rest({ error, field, onFill, onEnter, first }: AskProps) {
  return { error, field, onTap: onFill, onEnter, first };
}

/** "Any time" and a precise moment exclude each other. */
export function toggled(times: string[], id: string): string[] {
  if (times.includes(id)) return times.filter((other) => other !== id);
  return id === "any" ? ["any"] : [...times.filter((other) => other !== "any"), id];
}

/** Digits typed at the end are grouped by two; a correction in the middle is left alone. */
function byPairs(typed: string): string {
  if (!/^0[\d ]*$/.test(typed) || typed.endsWith(" ")) return typed;
  return typed.replace(/ /g, "").replace(/(\d\d)(?=\d)/g, "$1 ");
}

const ICONS: Record<string, string> = { phone: "phone", sms: "sms", email: "mail" };

function Channels() {
  return (
    <fieldset class="choices">
      <legend class="lab">{t("contact.channel")}</legend>
      <div class="row wrap">
        {(content.value?.contact.channels ?? []).map(({ id, title }) => (
          <Key key={id} icon={ICONS[id] ?? "phone"} pressed={draft.value.channel === id} onPress={() => change({ channel: id })}>
            {say(title)}
          </Key>
        ))}
      </div>
    </fieldset>
  );
}

interface ChoicesProps {
  name: string;
  label: string;
  options: { id: string; title: Record<string, string> }[];
  chosen: string[];
  onChoose: (id: string) => void;
}

function Choices({ name, label, options, chosen, onChoose }: ChoicesProps) {
  return (
    <fieldset class="choices" data-name={name}>
      <legend class="lab">{label}</legend>
      <div class="row wrap">
        {options.map((one) => (
          <Key key={one.id} pressed={chosen.includes(one.id)} {...(chosen.includes(one.id) ? { icon: "check" } : {})} onPress={() => onChoose(one.id)}>
            {say(one.title)}
          </Key>
        ))}
      </div>
    </fieldset>
  );
}
