/** The tray that holds the keyboard: its keys come when first needed, its last row (erase, space, go on) is always there. */

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";

import { size } from "../room";
import { t } from "../texts";
import type { KeysProps } from "./keyboard";
import type { LayoutName } from "./layouts";

interface TrayProps {
  layout: LayoutName;
  field: () => HTMLInputElement | null;
  go: string;
  onGo: () => void;
}

type Module = typeof import("./keyboard");
let loaded: Module | null = null;

export function loadKeyboard(): Promise<Module> {
  return import("./keyboard").then((module) => (loaded = module));
}

export function Tray({ layout, field, go, onGo }: TrayProps) {
  const [module, setModule] = useState(loaded);
  useEffect(() => {
    if (!module) void loadKeyboard().then(setModule);
  }, [module]);
  const Keys: FunctionComponent<KeysProps> | undefined = module?.default;
  const erase = () => {
    const input = field();
    if (!input) return;
    input.value = "";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  return (
    <div class="kbd" role="group" aria-label={t("keyboard.label")} data-layout={layout}>
      {Keys ? <Keys layout={layout} field={field} /> : <div class="keys" />}
      <div class="hg-row last">
        <button type="button" class="hg-button fn w2" onClick={erase}>
          {t(size.value !== "roomy" ? "keyboard.clear.short" : "keyboard.clear")}
        </button>
        {layout === "text" && (
          <button type="button" class="hg-button sp" onClick={() => module?.type(field(), " ")}>
            {t("keyboard.space")}
          </button>
        )}
        <button type="button" class="hg-button go" onClick={onGo}>
          {go}
        </button>
      </div>
    </div>
  );
}
