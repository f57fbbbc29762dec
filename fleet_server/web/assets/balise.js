// What the pages do beyond plain HTML: palette, keys, live dot, relative times, toasts. Every page works without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const inField = (element) => element.closest("input, select, textarea, [contenteditable]");
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[-’']/g, " ").toLowerCase();

  // ---- times that age ---------------------------------------------------------------------------------------------
  const span = (ms) => {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return `${s}\u00a0s`;
    if (s < 3600) return `${Math.floor(s / 60)}\u00a0min`;
    if (s < 172800) return `${Math.floor(s / 3600)}\u00a0h${s % 3600 >= 60 ? ` ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}` : ""}`;
    return `${Math.floor(s / 86400)}\u00a0jours`;
  };
  // The server's clock, not this computer's: the page says when it was made.
  const skew = Date.now() - Date.parse($("meta[name=now]")?.content || new Date().toISOString());
  const age = () => {
    if (document.hidden) return;
    const now = Date.now() - skew;
    for (const time of $$("time[data-ago]")) {
      const gap = now - Date.parse(time.dateTime);
      if (gap < 3600000) time.textContent = `il y a ${span(gap)}`;
    }
    for (const time of $$("time[data-since]")) time.textContent = `depuis ${span(now - Date.parse(time.dateTime))}`;
  };
  setInterval(age, 1000);

  // ---- live -------------------------------------------------------------------------------------------------------
  const LATE = 30000;
  let heard = Date.now();
  let interrupted = 0;
  const clock = () => new Date(Date.now() - skew).toLocaleTimeString("fr-FR", { timeZone: "Europe/Paris" });
  const heardNow = () => { heard = Date.now(); interrupted = 0; };
  const showLive = () => {
    const late = interrupted || Date.now() - heard > LATE;
    const since = interrupted || heard;
    for (const dot of $$("[data-live]")) {
      dot.toggleAttribute("data-late", Boolean(late));
      const text = $("[data-live-text]", dot);
      const words = late ? `Direct interrompu depuis ${span(Date.now() - since)}` : `En direct · ${clock()}`;
      if (text.textContent !== words) text.textContent = words;
      dot.setAttribute("role", "status");
      dot.setAttribute("aria-live", "off");
    }
    document.body.toggleAttribute("data-stale", Boolean(late));
  };
  if ($("[data-live-stream]")) {
    document.body.addEventListener("htmx:sseOpen", (event) => {
      heardNow();
      const source = event.detail.source;
      source.addEventListener("battement", heardNow);
      showLive();
    });
    document.body.addEventListener("htmx:sseBeforeMessage", heardNow);
    document.body.addEventListener("htmx:sseError", () => { interrupted ||= Date.now(); showLive(); });
    setInterval(showLive, 1000);
  }

  // Nothing moves under a hand: a fragment that asks for it (data-calm) waits until pointer and focus have left.
  const waiting = new Map();
  const busy = (element) => element.matches(":hover") || element.contains(document.activeElement) || Date.now() - (element.leftAt || 0) < 3000;
  document.addEventListener("pointerout", (event) => { const calm = event.target.closest?.("[data-calm]"); if (calm) calm.leftAt = Date.now(); });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    const byStream = event.detail.requestConfig?.triggeringEvent?.type?.startsWith("sse:");
    if (!byStream || !target.matches("[data-calm]") || !busy(target) || event.detail.xhr.status !== 200) return;
    event.detail.shouldSwap = false;
    waiting.set(target.id, event.detail.xhr.responseText);
    showWaiting();
  });
  const showWaiting = () => {
    for (const id of waiting.keys()) {
      const target = document.getElementById(id);
      if (!target || $(`[data-waiting-for="${id}"]`)) continue;
      const line = document.createElement("div");
      line.className = "bl-waiting";
      line.dataset.waitingFor = id;
      line.innerHTML = 'Des changements attendent. <button type="button" class="btn btn-quiet btn-sm">Mettre à jour <kbd>.</kbd></button>';
      $("button", line).addEventListener("click", applyWaiting);
      target.before(line);
    }
  };
  const applyWaiting = () => {
    for (const [id, html] of waiting) {
      const target = document.getElementById(id);
      $(`[data-waiting-for="${id}"]`)?.remove();
      if (target) htmx.swap(target, html, { swapStyle: target.getAttribute("hx-swap")?.split(" ")[0] || "innerHTML" });
    }
    waiting.clear();
  };
  setInterval(() => { if (waiting.size && [...waiting.keys()].every((id) => { const t = document.getElementById(id); return !t || !busy(t); })) applyWaiting(); }, 1000);

  // Signed out meanwhile: go and sign in, rather than swap a form into a table.
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status === 401) { event.detail.shouldSwap = false; location.reload(); }
  });

  // ---- toast ------------------------------------------------------------------------------------------------------
  const toast = $("[data-toast]");
  if (toast) {
    let timer = setTimeout(() => toast.remove(), 10000);
    toast.addEventListener("pointerenter", () => clearTimeout(timer));
    toast.addEventListener("focusin", () => clearTimeout(timer));
    toast.addEventListener("pointerleave", () => { timer = setTimeout(() => toast.remove(), 3000); });
  }
  $("[data-focus]")?.focus();
  if (matchMedia("(max-width: 60rem)").matches) $(".bl-rail [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  for (const opener of $$("[data-open-palette]")) opener.hidden = false;

  // ---- dialogs, filters that submit by themselves -------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) { const dialog = document.getElementById(opener.dataset.open); if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); $("[autofocus]", dialog)?.focus(); } }
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    if (event.target.closest("[data-open-palette]")) openPalette();
    const copier = event.target.closest("[data-copy]");
    if (copier) navigator.clipboard?.writeText(copier.dataset.copy).then(() => { copier.dataset.done = ""; copier.querySelector("[data-word]")?.replaceChildren("Copié"); });
  });
  document.addEventListener("change", (event) => { event.target.closest("form[data-auto]")?.requestSubmit(); });
  for (const button of $$("form[data-auto] [data-noscript]")) button.hidden = true;

  // ---- palette ------------------------------------------------------------------------------------------------------
  const palette = $("#palette");
  const list = $("#palette-liste");
  const input = palette && $("input", palette);
  const openPalette = async () => {
    if (!palette || palette.open) return;
    palette.showModal();
    input.value = "";
    input.focus();
    if (!list.dataset.loaded) {
      const answer = await fetch(list.dataset.from, { headers: { "HX-Request": "true" } });
      if (!answer.ok) return;
      list.innerHTML = await answer.text();
      list.dataset.loaded = "";
    }
    search();
  };
  const options = () => $$("[role=option]", list).filter((option) => !option.hidden);
  const choose = (option) => {
    for (const other of $$("[role=option]", list)) other.setAttribute("aria-selected", String(other === option));
    if (option) { input.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); } else input.removeAttribute("aria-activedescendant");
  };
  const search = () => {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    for (const option of $$("[role=option]", list)) option.hidden = !words.every((word) => plain(option.textContent).includes(word));
    for (const group of $$("[role=group]", list)) group.hidden = !$$("[role=option]", group).some((option) => !option.hidden);
    const none = $("[data-none]", palette);
    if (none) none.hidden = options().length > 0;
    choose(options()[0]);
  };
  input?.addEventListener("input", search);
  list?.addEventListener("click", (event) => { const option = event.target.closest("[role=option]"); if (option) location.href = option.dataset.url; });
  input?.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]);
    } else if (event.key === "Enter" && all[at]) { event.preventDefault(); location.href = all[at].dataset.url; }
  });

  // ---- keys -----------------------------------------------------------------------------------------------------------
  const rows = () => $$("a.bl-row");
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target) || $("dialog[open]")) return;
    if (event.key === "?") { event.preventDefault(); $("#touches")?.showModal(); }
    else if (event.key === "/") { const field = $("[data-search]"); if (field) { event.preventDefault(); field.focus(); field.select?.(); } }
    else if (event.key === "." && waiting.size) applyWaiting();
    else if (event.key.toLowerCase() === "z") $("[data-toast] form")?.requestSubmit();
    else if ("jk".includes(event.key.toLowerCase())) {
      const all = rows();
      const at = all.indexOf(document.activeElement);
      const next = all[event.key.toLowerCase() === "j" ? at + 1 : Math.max(0, at - 1)];
      next?.focus();
    }
    else {
      const button = $(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
      if (button) { event.preventDefault(); button.click(); }
    }
  });
})();
