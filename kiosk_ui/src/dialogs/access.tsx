import { useKiosk } from "../context";
import { Dialog } from "../parts/dialog";
import { Key } from "../parts/key";
import { Leaf } from "../parts/paged";
import { contrast, dialog, low, slow, still, unmeasured, zoom, type Zoom } from "../state";
import { t } from "../texts";

const ZOOMS: Zoom[] = ["100", "150", "200"];
const OPTIONS = [
  { id: "contrast", icon: "contrast", held: contrast },
  { id: "low", icon: "low", held: low },
  { id: "slow", icon: "touch", held: slow },
  { id: "still", icon: "pause", held: still },
] as const;

/** Every option acts at once: what it changes is seen behind and in the sheet itself. */
export function Access() {
  const kiosk = useKiosk();
  const close = () => (dialog.value = null);
  return (
    <Dialog title="access-title" kind="options" onClose={close}>
      <Leaf>
        <h1 id="access-title">{t("tools.access")}</h1>
        <fieldset class="choices">
          <legend class="lab">{t("access.zoom")}</legend>
          <div class="row wrap">
            {ZOOMS.map((one) => (
              <Key key={one} pressed={zoom.value === one} onPress={() => {
                zoom.value = one;
                kiosk.option("zoom", one);
              }}>
                {`${one} %`}
              </Key>
            ))}
          </div>
        </fieldset>
        <fieldset class="choices">
          <legend class="lab">{t("access.more")}</legend>
          <div class="switches">
            {OPTIONS.map(({ id, icon, held }) => (
              <Key key={id} icon={held.value ? "check" : icon} pressed={held.value} onPress={() => {
                held.value = !held.value;
                kiosk.option(id, held.value ? "on" : "off");
              }}>
                {t(`access.${id}`)}
              </Key>
            ))}
          </div>
        </fieldset>
        <p class="soft small">{t("access.hint")}</p>
        <fieldset class="choices">
          <legend class="lab">{t("measure.title")}</legend>
          <p class="soft small">{t("measure.hint")}</p>
          <div class="row wrap">
            <Key icon={unmeasured.value ? "check" : "eye"} pressed={unmeasured.value} onPress={() => kiosk.stopMeasuring()}>
              {t(unmeasured.value ? "measure.stopped" : "measure.stop")}
            </Key>
          </div>
        </fieldset>
      </Leaf>
      <div class="acts">
        <Key icon="check" kind="lamp xl" first onPress={close}>
          {t("access.done")}
        </Key>
      </div>
    </Dialog>
  );
}

export function Languages() {
  const kiosk = useKiosk();
  const close = () => (dialog.value = null);
  return (
    <Dialog title="languages-title" kind="options" onClose={close}>
      <h1 id="languages-title">{t("languages.title")}</h1>
      <div class="switches">
        {kiosk.languages().map((one) => (
          <Key key={one.code} icon={one.code === "fr-simple" ? "book" : "lang"} pressed={one.current} kind="xl" first={one.current}
            onPress={() => {
              kiosk.speak(one.code);
              close();
            }}>
            {one.name}
          </Key>
        ))}
      </div>
      <p class="soft small">{t("languages.hint")}</p>
    </Dialog>
  );
}
