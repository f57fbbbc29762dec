/** Occupations: search as one types. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { useKiosk } from "../context";
import type { Occupation } from "../content/release";
import { loadKeyboard, Tray } from "../keyboard/tray";
import { Field } from "../parts/field";
import { Frame } from "../parts/frame";
import { Garder } from "../parts/garder";
import { Key } from "../parts/key";
import { Paged } from "../parts/paged";
import { portrait, size, terse } from "../room";
import { content, listPage, query, typing } from "../state";
import { count, say, t, tn } from "../texts";

type Finder = typeof import("../content/search");

const finder = signal<Finder | null>(null);
let index: { of: readonly Occupation[]; search: (typed: string) => Occupation[] } | null = null;

/** Not part of the first load: the index, the search and the keyboard come once a visit has begun. */
export async function prepareSearch(): Promise<void> {
  finder.value ??= await import("../content/search");
  await loadKeyboard();
  const occupations = content.value?.occupations;
  if (occupations && index?.of !== occupations) index = { of: occupations, search: finder.value.indexOf(occupations) };
}

function found(typed: string): Occupation[] | null {
  const occupations = content.value?.occupations;
  if (!finder.value || !occupations || typed.trim() === "") return null;
  if (index?.of !== occupations) index = { of: occupations, search: finder.value.indexOf(occupations) };
  return index.search(typed);
}

/** Both keys that lead elsewhere stand beside the field. */
function wide(): boolean {
  return size.value === "roomy" && !portrait.value;
}

export function domainTitle(rome: string): string {
  return say(content.value?.domains.find((one) => one.code === rome[0])?.title);
}

export function Metiers() {
  const kiosk = useKiosk();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => void prepareSearch(), []);
  const hits = found(query.value);
  const all = content.value?.occupations.length ?? 0;
  const aside = hits ? (size.value !== "roomy" ? tn("metiers.count", hits.length) : tn("metiers.found", hits.length, { all: count(all) })) : "";
  const type = (value: string) => {
    query.value = value;
    listPage.value = { ...listPage.value, metiers: 0 };
  };
  // The keyboard goes and takes the focus with it: the first result is what comes next.
  const close = () => {
    typing.value = false;
    setTimeout(() => document.querySelector<HTMLElement>(".hit .x")?.focus());
  };
  return (
    <Frame section="metiers" title={t("metiers.title")} kind={typing.value ? "se typing" : "se"}>
      <h1 class={portrait.value ? "" : "vh"} tabIndex={-1}>{t("metiers.title")}</h1>
      <div class="row searching">
        <Field id="query" label={t("metiers.label")} hideLabel first icon="search" field={field} value={query.value}
          aside={aside} maxLength={80} onInput={type} onTap={() => (typing.value = true)} onEnter={() => (typing.value ? close() : (typing.value = true))} />
        <Key icon="filter" onPress={() => kiosk.go({ page: "domaines" })}>
          {t(terse.value && !portrait.value ? "metiers.domains.short" : "metiers.domains")}
        </Key>
        {wide() && (
          <Key icon="filter" onPress={() => kiosk.go({ page: "secteurs" })}>
            {t("metiers.sectors")}
          </Key>
        )}
      </div>
      {hits === null ? <Beginning /> : hits.length === 0 ? <Nothing /> : <Results name="metiers" items={hits} typed={query.value} />}
      {typing.value && (
        <Tray layout="text" field={() => field.current} onGo={close}
          go={hits && hits.length > 0 ? tn("metiers.see", hits.length) : t("metiers.see.none")} />
      )}
    </Frame>
  );
}

function Beginning() {
  const kiosk = useKiosk();
  return (
    <div class="beginning">
      <p class="soft">{t("metiers.hint")}</p>
      <div class="row wrap">
        {!wide() && (
          <Key icon="filter" onPress={() => kiosk.go({ page: "secteurs" })}>
            {t("metiers.sectors")}
          </Key>
        )}
        {!typing.value && (
          <Key icon="search" onPress={() => (typing.value = true)}>
            {t("metiers.type")}
          </Key>
        )}
      </div>
    </div>
  );
}

function Nothing() {
  return (
    <div class="beginning" role="status">
      <p class="b">{t("metiers.nothing")}</p>
      <p class="soft">{t("metiers.nothing.hint")}</p>
    </div>
  );
}

export function Results({ name, items, typed }: { name: string; items: Occupation[]; typed?: string }) {
  const kiosk = useKiosk();
  const columns = portrait.value ? 1 : 2;
  const row = size.value === "tight" ? 6 : portrait.value ? 8.25 : 6.75;
  return (
    <Paged name={name} items={items} columns={columns} row={row} gap={size.value === "tight" ? 0.625 : 0.875}>
      {(one) => (
        <li class="hit" key={one.rome}>
          <button type="button" class="x" onClick={() => kiosk.go({ page: "metier", rome: one.rome })}>
            <span class="b">{typed ? <Marked label={one.label} typed={typed} /> : one.label}</span>
            <span class="soft small">{domainTitle(one.rome)}</span>
          </button>
          <Garder alone one={{ kind: "metier", id: one.rome, label: one.label }} />
        </li>
      )}
    </Paged>
  );
}

function Marked({ label, typed }: { label: string; typed: string }) {
  const pieces = finder.value?.marked(label, typed) ?? [{ text: label, hit: false }];
  return <>{pieces.map((piece, at) => (piece.hit ? <mark key={at}>{piece.text}</mark> : piece.text))}</>;
}
