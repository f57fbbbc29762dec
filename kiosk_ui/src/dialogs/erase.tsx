import { useKiosk } from "../context";
import { Dialog } from "../parts/dialog";
import { Key } from "../parts/key";
import { Picture } from "../parts/pictures";
import { dialog, kept } from "../state";
import { t, tn } from "../texts";

/** "J'ai fini, effacer": what is lost, and the way back. */
export function Erase() {
  const kiosk = useKiosk();
  const close = () => (dialog.value = null);
  const n = kept.value.length;
  return (
    <Dialog title="erase-title" urgent kind="er" onClose={close}>
      <Picture of="effacer" />
      <div>
        <h1 id="erase-title">{t("erase.title")}</h1>
        <p class="lead">{t("erase.lead")}</p>
        {n > 0 && <p class="lead b">{tn("erase.kept", n)}</p>}
        <div class="acts">
          <Key icon="erase" kind="lamp xl" onPress={() => kiosk.end("user_exit")}>
            {t("erase.yes")}
          </Key>
          <Key icon="left" kind="xl" first onPress={close}>
            {t("erase.no")}
          </Key>
        </div>
      </div>
    </Dialog>
  );
}
