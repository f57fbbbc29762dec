import { spaced } from "../contact/checks";
import { useKiosk } from "../context";
import { sectionTitle } from "../parts/frame";
import { Dialog } from "../parts/dialog";
import { Key } from "../parts/key";
import { openToday } from "../parts/opening";
import { Icon } from "../parts/pictures";
import { canBeCalled } from "../screens/home";
import { dialog, screen } from "../state";
import { t } from "../texts";

/** "Je veux de l'aide": the host's desk, its hours and its telephone. It promises nobody that is not there. */
export function Help() {
  const kiosk = useKiosk();
  const close = () => (dialog.value = null);
  const now = screen.value;
  const hours = openToday(now);
  const phone = now?.settings.host_phone;
  return (
    <Dialog title="help-title" kind="options help" onClose={close}>
      <h1 id="help-title">{t("help.title")}</h1>
      <p class="lead">{now?.place ? t("help.desk.named", { place: now.place.name }) : t("help.desk")}</p>
      <ul class="reach">
        {hours.length > 0 && (
          <li>
            <Icon name="clock" />
            <span>{t("help.hours", { hours: hours.join(", ") })}</span>
          </li>
        )}
        {phone && (
          <li>
            <Icon name="phone" />
            <span class="b">{spaced(phone)}</span>
          </li>
        )}
      </ul>
      <div class="acts">
        {canBeCalled() && (
          <Key icon="phone" kind="xl" onPress={() => kiosk.openContact("aide")}>
            {sectionTitle("rappel")}
          </Key>
        )}
        <Key icon="left" kind="lamp xl" first onPress={close}>
          {t("help.close")}
        </Key>
      </div>
    </Dialog>
  );
}
