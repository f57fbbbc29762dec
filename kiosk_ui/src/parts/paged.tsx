/** Long things are turned page by page with big keys: no scroll bar, nothing to drag. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { rem } from "../room";
import { listPage } from "../state";
import { t } from "../texts";
import { Key } from "./key";

interface PagerProps {
  page: number;
  pages: number;
  onGo: (page: number) => void;
}

function Pager({ page, pages, onGo }: PagerProps) {
  const last = page >= pages - 1;
  return (
    <div class="pager" role="group" aria-label={t("pager.label")}>
      <Key icon="up" kind="prev" label={t("pager.previous")} disabled={page === 0} onPress={() => onGo(page - 1)} />
      <p class="pg" role="status">
        <span class="vh">{t("pager.page")} </span>
        {page + 1} / {pages}
      </p>
      <Key icon={last ? "up" : "down"} kind="next" onPress={() => onGo(last ? 0 : page + 1)}>
        {t(last ? "pager.first" : "pager.next")}
      </Key>
    </div>
  );
}

interface PagedProps<T> {
  /** Where the page is remembered, so that coming back finds it again. */
  name: string;
  items: readonly T[];
  columns: number;
  /** Height of one row and of the gap between two, in rem. */
  row: number;
  gap?: number;
  /** At most so many at once. */
  most?: number;
  children: (item: T) => ComponentChildren;
}

export function Paged<T>({ name, items, columns, row, gap = 0.875, most = Infinity, children }: PagedProps<T>) {
  const ref = useRef<HTMLUListElement>(null);
  const height = useHeight(ref);
  const rows = Math.max(1, Math.floor((height / rem.value + gap + 0.01) / (row + gap)));
  const size = Math.min(rows * columns, Math.max(columns, most));
  const pages = Math.max(1, Math.ceil(items.length / size));
  const page = Math.min(listPage.value[name] ?? 0, pages - 1);
  const go = (to: number) => (listPage.value = { ...listPage.value, [name]: to });
  const style = { gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridAutoRows: `${row}rem`, rowGap: `${gap}rem` };
  return (
    <div class="paged">
      <ul ref={ref} class="items" style={style}>
        {items.slice(page * size, (page + 1) * size).map(children)}
      </ul>
      {pages > 1 && <Pager page={page} pages={pages} onGo={go} />}
    </div>
  );
}

function useHeight(ref: { current: HTMLElement | null }): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setHeight(element.clientHeight);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return height;
}

/** A text longer than its place: turned by keys, in the same order as it is read. */
export function Leaf({ children, kind = "" }: { children: ComponentChildren; kind?: string }) {
  const ref = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState({ page: 0, pages: 1 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setAt(leafAt(element));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    element.addEventListener("scroll", measure);
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  const go = (page: number) => {
    if (ref.current) ref.current.scrollTop = page * step(ref.current);
  };
  return (
    <div class={`leaf ${kind}`}>
      <div class="leaf-text" ref={ref}>
        <div>{children}</div>
      </div>
      {at.pages > 1 && <Pager page={at.page} pages={at.pages} onGo={go} />}
    </div>
  );
}

/** A little of the page before stays in sight. */
function step(element: HTMLElement): number {
  return Math.max(1, element.clientHeight - 2 * rem.value);
}

function leafAt(element: HTMLElement): { page: number; pages: number } {
  const hidden = element.scrollHeight - element.clientHeight;
  if (hidden <= 2) return { page: 0, pages: 1 };
  const pages = Math.ceil(hidden / step(element)) + 1;
  const end = element.scrollTop >= hidden - 2;
  return { page: end ? pages - 1 : Math.round(element.scrollTop / step(element)), pages };
}
