/** What the visitor kept, in memory only. */

import { useKiosk } from "../context";
import { Frame } from "../parts/frame";
import { toggleKept } from "../parts/garder";
import { Key } from "../parts/key";
import { Paged } from "../parts/paged";
import { Flag } from "../parts/pictures";
import { portrait, size } from "../room";
import { kept, type Kept } from "../state";
import { t, tn } from "../texts";
import { canBeCalled } from "./home";

export function Selection() {
  const kiosk = useKiosk();
  const n = kept.value.length;
  const open = (one: Kept) =>
    kiosk.go(one.kind === "metier" ? { page: "metier", rome: one.id } : { page: "acteur", id: one.id });
  return (
    <Frame section={null} title={t("dock.kept")} kind="list my">
      <h1 tabIndex={-1}>{n === 0 ? t("selection.empty") : tn("selection.title", n)}</h1>
      {n === 0 ? (
        <p class="lead">{t("selection.empty.hint")}</p>
      ) : (
        <Paged name="selection" items={kept.value} columns={1} row={size.value === "tight" ? 4.75 : 7.5} most={portrait.value ? 7 : 6}>
          {(one) => (
            <li class="hit" key={`${one.kind}/${one.id}`}>
              <button type="button" class="x with-flag" onClick={() => open(one)}>
                <Flag paper section={one.kind === "metier" ? "metiers" : "acteurs"} />
                <span>
                  <span class="b">{one.label}</span>
                  <span class="soft small">{t(`selection.${one.kind}`)}</span>
                </span>
              </button>
              <Key icon="close" label={t("selection.remove.named", { name: one.label })} onPress={() => toggleKept(one)}>
                {t("selection.remove")}
              </Key>
            </li>
          )}
        </Paged>
      )}
      <div class="row foot">
        <p class="soft small">{t("selection.memory")}</p>
        <span class="push" />
        {canBeCalled() && (
          <Key icon="phone" kind="lamp xl" onPress={() => kiosk.openContact("selection")}>
            {t("selection.talk")}
          </Key>
        )}
      </div>
    </Frame>
  );
}
