import { kept, type Kept } from "../state";
import { t } from "../texts";
import { Key } from "./key";

export function isKept(one: { kind: Kept["kind"]; id: string }): boolean {
  return kept.value.some((other) => other.kind === one.kind && other.id === one.id);
}

export function toggleKept(one: Kept): void {
  kept.value = isKept(one)
    ? kept.value.filter((other) => other.kind !== one.kind || other.id !== one.id)
    : [...kept.value, one];
}

/** "Garder": a bookmark that fills. In a row of results it is the icon alone, with its name. */
export function Garder({ one, alone = false }: { one: Kept; alone?: boolean }) {
  const on = isKept(one);
  if (alone)
    return (
      <Key
        icon="keep"
        kind={on ? "ibtn sec" : "ibtn"}
        filled={on}
        pressed={on}
        label={t("keep.named", { name: one.label })}
        onPress={() => toggleKept(one)}
      />
    );
  return (
    <Key icon="keep" filled={on} pressed={on} onPress={() => toggleKept(one)}>
      {t(on ? "keep.done" : "keep.do")}
    </Key>
  );
}
