import { useEffect, useState } from "preact/hooks";

import { useKiosk } from "../context";
import { now } from "../kiosk";
import { Dialog } from "../parts/dialog";
import { Key } from "../parts/key";
import { visit } from "../state";
import { t, tn } from "../texts";
import { timeLeft } from "../visit";

const RAYS = 30;

/** "Vous êtes toujours là ?": rays go out as the seconds pass; one tap anywhere stays. */
export function StillThere() {
  const kiosk = useKiosk();
  const [at, setAt] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setAt(now()), 250);
    return () => clearInterval(timer);
  }, []);
  const idle = kiosk.idle();
  const seconds = Math.ceil((timeLeft(visit.value, at, idle) ?? 0) / 1000);
  const share = (seconds * 1000) / (idle.end - idle.warning);
  return (
    <Dialog title="there-title" urgent kind="er there" onClose={() => kiosk.stay()}>
      <Lamp seconds={seconds} share={share} />
      <div>
        <h1 id="there-title">{t("there.title")}</h1>
        <p class="lead">{tn("there.lead", seconds)}</p>
        <div class="acts">
          <Key icon="check" kind="lamp xl" first onPress={() => kiosk.stay()}>
            {t("there.yes")}
          </Key>
          <Key icon="erase" kind="xl" onPress={() => kiosk.end("user_exit")}>
            {t("dock.end")}
          </Key>
        </div>
        <p class="soft small">{t("there.again")}</p>
      </div>
    </Dialog>
  );
}

function Lamp({ seconds, share }: { seconds: number; share: number }) {
  const lit = Math.round(share * RAYS);
  return (
    <svg viewBox="0 0 400 400" class="ring" aria-hidden="true">
      <circle cx="200" cy="200" r="122" fill="var(--lamp)" />
      {Array.from({ length: RAYS }, (_, n) => (
        <path key={n} d="M200 50V14" transform={`rotate(${(n * 360) / RAYS} 200 200)`} stroke={n < lit ? "var(--lamp-deep)" : "var(--sand-deep)"} stroke-width="14" stroke-linecap="round" />
      ))}
      <text x="200" y="238" text-anchor="middle" class="seconds">{seconds}</text>
    </svg>
  );
}
