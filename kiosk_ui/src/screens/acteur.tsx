/** One actor: what it offers, to whom, where, how to reach it; and where the facts come from. */

import { useKiosk } from "../context";
import type { Actor } from "../content/release";
import { Frame, sectionTitle } from "../parts/frame";
import { Garder } from "../parts/garder";
import { Key } from "../parts/key";
import { Leaf } from "../parts/paged";
import { Icon } from "../parts/pictures";
import { spaced } from "../contact/checks";
import { size } from "../room";
import { content } from "../state";
import { day, has, say, t } from "../texts";
import { shownActors } from "./acteurs";
import { canBeCalled } from "./home";

export function Acteur({ id }: { id: string }) {
  const kiosk = useKiosk();
  const one = shownActors().find((actor) => actor.id === id);
  if (!one) return null;
  const small = size.value === "tight";
  return (
    <Frame section="acteurs" title={one.name} kind="sh" back={t("band.list")}>
      <Leaf kind="txt">
        <p class="tags">
          {one.free && <span class="tag">{t("acteur.free")}</span>}{" "}
          {one.publics.filter((code) => has(`publics.${code}`)).map((code) => (
            <span class="tag" key={code}>{t(`publics.${code}`)}</span>
          ))}
        </p>
        <h1 tabIndex={-1}>{one.name}</h1>
        <p class="lead">{say(one.summary)}</p>
        {one.note && <p class="note">{say(one.note)}</p>}
        {one.offers.length > 0 && (
          <>
            <h2>{t("acteur.offers")}</h2>
            <ul class="ticks">
              {one.offers.map((offer, at) => (
                <li key={at}>{say(offer)}</li>
              ))}
            </ul>
          </>
        )}
        {small && <Ways one={one} />}
        <Source one={one} />
      </Leaf>
      <aside>
        {!small && (
          <div class="card">
            <Leaf>
              <Ways one={one} />
            </Leaf>
          </div>
        )}
        {canBeCalled() && (
          <Key icon="phone" kind="lamp xl" onPress={() => kiosk.openContact(`acteurs/${one.id}`, { actor: one.id })}>
            {sectionTitle("rappel")}
          </Key>
        )}
        <Garder one={{ kind: "acteur", id: one.id, label: one.name }} />
      </aside>
    </Frame>
  );
}

function Ways({ one }: { one: Actor }) {
  const towns = new Map(content.value?.communes.map((commune) => [commune.insee, commune.name]));
  return (
    <ul class="reach">
      {one.phone && (
        <li>
          <Icon name="phone" />
          <span>
            <span class="b">{spaced(one.phone)}</span>
            {one.phone_hours && <span class="soft small">{say(one.phone_hours)}</span>}
          </span>
        </li>
      )}
      {one.places.map((place, at) => (
        <li key={at}>
          <Icon name="pin" />
          <span>
            <span class="b">{place.name}</span>
            <span class="soft small">{[place.address, towns.get(place.commune)].filter(Boolean).join(", ")}</span>
          </span>
        </li>
      ))}
      {one.email && (
        <li>
          <Icon name="mail" />
          <span class="break">{one.email}</span>
        </li>
      )}
      {one.url && (
        <li>
          <Icon name="book" />
          <span class="break">{one.url.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "")}</span>
        </li>
      )}
    </ul>
  );
}

function Source({ one }: { one: Actor }) {
  return (
    <p class="soft small src">
      {t("acteur.source", { source: one.source.title, date: day(one.checked_on) })}
      {!one.certain && <> {t("acteur.uncertain")}</>}
    </p>
  );
}
