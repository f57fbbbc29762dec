/** What became of the request, said as it is: sent, kept until the network is back, or refused, with whom to call. */

import { spaced } from "../contact/checks";
import { phoneToCall } from "../contact/submit";
import { useKiosk } from "../context";
import { Frame } from "../parts/frame";
import { Key } from "../parts/key";
import { Leaf } from "../parts/paged";
import { Icon, Picture } from "../parts/pictures";
import { submission } from "../state";
import { day, t } from "../texts";

export function Receipt() {
  const kiosk = useKiosk();
  const one = submission.value;
  const kept = one.state === "kept";
  const title = kept ? t(one.online ? "receipt.sent" : "receipt.kept") : t("receipt.refused");
  return (
    <Frame section="rappel" title={title} kind="rc" back={t("band.back")}>
      <Leaf>
        <div class="verdict">
          {kept ? <Picture of="rappel" /> : <Icon name="warn" />}
          <div>
            <h1 tabIndex={-1}>{title}</h1>
            {one.state === "kept" && (
              <>
                <p class="lead">{t(one.online ? "receipt.sent.lead" : "receipt.kept.lead")}</p>
                <p class="lead">
                  {t(one.number ? "receipt.silence" : "receipt.silence.nobody", { day: day(one.promisedBy), number: spaced(one.number) })}
                </p>
              </>
            )}
            {one.state === "refused" && (
              <>
                <p class="lead">{t(`receipt.refused.${one.why}`)}</p>
                <Call phone={one.phone} />
              </>
            )}
            <p class="soft">{t(kept ? "receipt.forgotten" : "receipt.nothing")}</p>
          </div>
        </div>
      </Leaf>
      <div class="row foot">
        {one.state === "refused" && one.why === "away" && (
          <Key icon="left" onPress={() => kiosk.settle({ page: "rappel", step: "consent" })}>
            {t("receipt.again")}
          </Key>
        )}
        <span class="push" />
        <Key icon="home" kind={kept ? "lamp xl" : "xl"} onPress={() => kiosk.go({ page: "home" })}>
          {t("receipt.home")}
        </Key>
      </div>
    </Frame>
  );
}

function Call({ phone }: { phone: string }) {
  if (!phone) return <p class="lead">{t("receipt.desk")}</p>;
  return (
    <p class="lead">
      {t("receipt.call")} <strong class="number">{spaced(phone)}</strong>
    </p>
  );
}

/** No key to seal with: the form would not be safe, so it is not offered. */
export function Impossible() {
  return (
    <Frame section="rappel" title={t("receipt.impossible")} kind="rc">
      <h1 tabIndex={-1}>{t("receipt.impossible")}</h1>
      <Call phone={phoneToCall()} />
    </Frame>
  );
}
