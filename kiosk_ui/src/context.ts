import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Kiosk } from "./kiosk";

export const KioskContext = createContext<Kiosk | null>(null);

export function useKiosk(): Kiosk {
  const kiosk = useContext(KioskContext);
  if (!kiosk) throw new Error("outside the kiosk");
  return kiosk;
}
