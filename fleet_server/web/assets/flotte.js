// /flotte: searching while one types, and the terminals that are ticked. The page works without it: every filter is a link
// or a form, and the boxes of a page are a form's own.
(() => {
  "use strict";
  const search = document.getElementById("recherche");
  if (!search) return;
  const $ = (selector, root = document) => root.querySelector(selector);
  const list = document.getElementById("flotte");

  // ---- searching ----------------------------------------------------------------------------------------------------
  // One letter finds nearly everything: wait for the second. An empty field finds everything again.
  search.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === search && document.getElementById("f-q").value.trim().length === 1) event.preventDefault();
  });
  search.addEventListener("change", (event) => { if (event.target.matches("select")) search.requestSubmit(); });
  search.addEventListener("submit", () => { for (const field of search.elements) if (field.name && !field.value) field.disabled = true; });

  // What is kept under a name is what is shown now, also when it was typed.
  document.getElementById("garder")?.addEventListener("submit", (event) => { event.target.elements.requete.value = location.search.slice(1); });

  // ---- choosing: kept here, not in the rows, which the stream draws again; and over the pages of the list, in this tab ----
  const MOST = 2000;
  const KEPT = "balise-flotte-choix";
  const bar = document.getElementById("choix");
  const read = () => { try { return JSON.parse(sessionStorage.getItem(KEPT) || "[]"); } catch { return []; } };
  let chosen = new Set(read());
  const there = () => JSON.parse(document.getElementById("choisissables")?.textContent || "[]");
  const boxes = () => [...list.querySelectorAll("[name=terminal]")];
  const show = () => {
    for (const box of boxes()) box.checked = chosen.has(box.value);
    const all = there();
    const apart = [...chosen].filter((id) => !all.includes(id)).length;
    const more = $("[data-choose-all]", list);
    if (more) more.hidden = all.every((id) => chosen.has(id));
    const words = `${chosen.size} borne${chosen.size > 1 ? "s choisies" : " choisie"}${apart ? `, dont ${apart} hors de cette liste` : ""}`;
    if ($("[data-count]", bar).textContent !== words) $("[data-count]", bar).textContent = words;
    bar.toggleAttribute("data-on", chosen.size > 0);
    $("[data-none]", bar).hidden = false;
  };
  const choose = (next) => {
    chosen = new Set([...next].slice(0, MOST));
    sessionStorage.setItem(KEPT, JSON.stringify([...chosen]));
    show();
  };
  list.addEventListener("change", (event) => {
    if (event.target.name !== "terminal") return;
    const next = new Set(chosen);
    if (event.target.checked) next.add(event.target.value); else next.delete(event.target.value);
    choose(next);
  });
  list.addEventListener("click", (event) => { if (event.target.closest("[data-choose-all]")) choose([...chosen, ...there()]); });
  const none = () => { choose([]); if (bar.contains(document.activeElement)) $("a.bl-row", list)?.focus(); };
  $("[data-none]", bar).addEventListener("click", none);
  bar.addEventListener("submit", (event) => {
    if (!chosen.size) event.preventDefault();
    bar.elements.terminals.value = [...chosen].join(",");
    bar.elements.retour.value = location.search.slice(1);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (event.key === "Escape" && chosen.size && !event.target.closest("input:not([type=checkbox]), select, textarea")) none();
    if (event.key.toLowerCase() !== "x" || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    $("[name=terminal]", event.target.closest("tr") || list)?.click();
  });
  new MutationObserver(show).observe(list, { childList: true });
  addEventListener("pageshow", () => { chosen = new Set(read()); show(); });
  show();
})();
