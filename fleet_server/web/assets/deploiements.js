// The form of a rollout: find a terminal among hundreds, and who may come first among those it is for. Without script
// the whole list is there, and the server says what does not fit.
(() => {
  "use strict";
  const form = document.querySelector(".bl-rollout-form");
  const pick = form?.querySelector("[data-pick]");
  if (!pick) return;
  const AT_REST = 10;
  const FOUND = 40;
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[-’']/g, " ").toLowerCase();
  const search = pick.querySelector("[data-pick-search]");
  const said = pick.querySelector("[data-pick-said]");
  const some = form.querySelector("[name=qui][value=certaines]");
  const lines = [...pick.querySelectorAll("tbody tr")].map((row) => ({
    row, find: plain(row.dataset.find), of: JSON.parse(row.dataset.of),
    chosen: row.querySelector("[name=terminals]"), first: row.querySelector("[name=canaries]"),
  }));
  const count = (n, one, many) => `${n}\u00a0${n < 2 ? one : many}`;

  const target = () => {
    const criteria = new Map();
    for (const box of form.querySelectorAll("[data-criterion]:checked")) criteria.set(box.name, [...(criteria.get(box.name) || []), box.value]);
    const text = plain(form.elements.texte.value.trim());
    const named = lines.some((line) => line.chosen.checked);
    if (!some.checked) return () => true;
    if (!criteria.size && !text && !named) return () => false;
    return (line) => (!named || line.chosen.checked) && (!text || line.find.includes(text))
      && [...criteria].every(([name, values]) => (line.of[name] || []).some((value) => values.includes(value)));
  };

  const show = () => {
    const within = target();
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    let left = words.length ? FOUND : AT_REST;
    let hidden = 0;
    for (const line of lines) {
      line.first.disabled = !within(line);
      const kept = line.chosen.checked || (line.first.checked && !line.first.disabled);
      const matches = words.every((word) => line.find.includes(word));
      const visible = words.length ? matches && left > 0 : kept || left > 0;
      if (visible && (words.length || !kept)) left -= 1;
      if (!visible && matches) hidden += 1;
      line.row.hidden = !visible;
    }
    const chosen = lines.filter((line) => line.chosen.checked).length;
    const first = lines.filter((line) => line.first.checked && !line.first.disabled).length;
    said.textContent = `${count(chosen, "choisie", "choisies")}, ${first} en premier. `
      + (hidden ? `${count(hidden, "autre n’est pas montrée", "autres ne sont pas montrées")} : cherchez par nom, lieu ou commune.` : "");
  };

  form.addEventListener("change", ({ target: box }) => { if (box.checked && box.matches("[data-criterion], [name=terminals]")) some.checked = true; });
  form.addEventListener("change", show);
  form.elements.texte.addEventListener("input", show);
  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  pick.querySelector("[data-pick-field]").hidden = false;
  show();
})();
