/** The loop nobody has touched yet. Accessibility, language and the end of motion are offered before the first touch. */

import { useKiosk } from "../context";
import { Key } from "../parts/key";
import { Logo, Scene } from "../parts/pictures";
import { portrait } from "../room";
import { contrast, core, low, slow, still, zoom, type Zoom } from "../state";
import { say, sentences, t } from "../texts";

export function nextZoom(current: Zoom): Zoom {
  return current === "100" ? "150" : current === "150" ? "200" : "100";
}

export function Attract() {
  const kiosk = useKiosk();
  const index = core.value?.index;
  const languages = kiosk.languages().filter((one) => !one.current);
  const toggle = (option: "contrast" | "low" | "still" | "slow") => {
    const held = { contrast, low, still, slow }[option];
    held.value = !held.value;
    kiosk.option(option, held.value ? "on" : "off");
  };
  return (
    <div class="screen at">
      <div class="scenery" aria-hidden="true">
        <Scene tall={portrait.value} />
      </div>
      {/* The whole picture starts the visit too; the key says so to whoever does not see the picture. */}
      <button type="button" class="anywhere" tabIndex={-1} aria-hidden="true" onClick={() => kiosk.start()} />
      <main class="say">
        <Logo />
        <h1>{say(index?.attract.title)}</h1>
        <p class="lead">
          {sentences(say(index?.attract.line)).map((line) => (
            <span key={line}>{line} </span>
          ))}
        </p>
        <Key icon="touch" kind="lamp xl start" onPress={() => kiosk.start()}>
          {t("attract.start")}
        </Key>
      </main>
      <footer class="dock">
        <Key icon="zoom" kind="dockb" pressed={zoom.value !== "100"} onPress={() => {
          zoom.value = nextZoom(zoom.value);
          kiosk.option("zoom", zoom.value);
        }}>
          {t("attract.zoom")}
        </Key>
        <Key icon="contrast" kind="dockb" pressed={contrast.value} onPress={() => toggle("contrast")}>
          {t("attract.contrast")}
        </Key>
        <Key icon="low" kind="dockb" pressed={low.value} onPress={() => toggle("low")}>
          {t("attract.low")}
        </Key>
        {languages.map((one) => (
          <Key key={one.code} icon={one.code === "fr-simple" ? "book" : "lang"} kind="dockb" onPress={() => kiosk.speak(one.code)}>
            {one.name}
          </Key>
        ))}
        <span class="push" />
        <Key icon={still.value ? "play" : "pause"} kind="dockb motion" onPress={() => toggle("still")}>
          {t(still.value ? "attract.move" : "attract.still")}
        </Key>
      </footer>
    </div>
  );
}
