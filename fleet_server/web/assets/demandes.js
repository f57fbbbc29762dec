// /demandes: J and K open the next and the previous request without losing the list's place.
(() => {
  "use strict";
  const box = document.querySelector(".req-inbox");
  const rows = () => [...document.querySelectorAll(".req-list a.bl-row")];
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (!"jk".includes(key) || event.ctrlKey || event.metaKey || event.altKey || !box) return;
    if (event.target.closest("input, select, textarea") || document.querySelector("dialog[open]")) return;
    event.stopImmediatePropagation();
    const all = rows();
    const at = all.findIndex((row) => row.hasAttribute("aria-current"));
    const next = all[key === "j" ? at + 1 : Math.max(0, at - 1)];
    next?.scrollIntoView({ block: "nearest" });
    next?.click();
  }, true);
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "lecture") return;
    const open = event.detail.requestConfig.elt;
    for (const row of rows()) row.toggleAttribute("aria-current", row === open);
    open.setAttribute("aria-current", "true");
    box.setAttribute("data-open", "");
    const list = document.getElementById("liste");
    const url = new URL(list.getAttribute("hx-get"), location.href);
    url.searchParams.set("ouverte", location.pathname.split("/").pop());
    list.setAttribute("hx-get", url.pathname + url.search);
    window.htmx.process(list);
    document.querySelector("#lecture h2")?.focus({ preventScroll: true });
  });
  // The empty page has no list to refresh: the first arrival shows the whole page.
  document.body.addEventListener("htmx:afterRequest", (event) => { if (event.detail.elt.hasAttribute("data-reload")) location.reload(); });
})();
