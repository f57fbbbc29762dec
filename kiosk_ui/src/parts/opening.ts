import { hour } from "../texts";
import type { Screen } from "../wire";

/** Until when the place is open now, or null when it is closed or says nothing. `screen.now` is the agent's clock. */
export function openUntil(screen: Screen | null): string | null {
  if (!screen || screen.settings.opening.length === 0) return null;
  const local = inZone(screen.now, screen.settings.timezone);
  const span = screen.settings.opening.find(
    (one) => one.day === local.day && one.opens.slice(0, 5) <= local.time && local.time < one.closes.slice(0, 5),
  );
  return span ? hour(span.closes) : null;
}

/** Today's spans, for the help page. */
export function openToday(screen: Screen | null): string[] {
  if (!screen) return [];
  const { day } = inZone(screen.now, screen.settings.timezone);
  return screen.settings.opening.filter((one) => one.day === day).map((one) => `${hour(one.opens)} – ${hour(one.closes)}`);
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export function inZone(now: string, timeZone: string): { day: number; time: string; date: string } {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hour12: false,
    year: "numeric", month: "2-digit", day: "2-digit",
  }).formatToParts(new Date(now));
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  return {
    day: DAYS.indexOf(part("weekday")),
    time: `${part("hour")}:${part("minute")}`,
    date: `${part("year")}-${part("month")}-${part("day")}`,
  };
}
