// Réglages: what will leave, beside the form, as it is typed. Without this the form works the same.
(() => {
  "use strict";
  const panel = document.getElementById("partira");
  const form = panel && document.getElementById(panel.dataset.form);
  if (!form) return;
  const nothing = panel.innerHTML;
  const fields = [...form.querySelectorAll("[data-was]")];
  const show = () => {
    const changed = fields.filter((field) => field.value.trim() !== field.dataset.was);
    const rows = changed.map((field) => {
      const [row, name, words, was] = ["div", "dt", "dd", "s"].map((tag) => document.createElement(tag));
      name.textContent = form.querySelector(`label[for="${field.id}"]`).textContent;
      was.textContent = field.dataset.was || field.placeholder || "vide";
      words.append(was, " devient ", field.value.trim() || field.placeholder || "vide");
      row.append(name, words);
      return row;
    });
    if (!rows.length) { panel.innerHTML = nothing; return; }
    const list = document.createElement("dl");
    list.className = "bl-leaving";
    list.append(...rows);
    panel.replaceChildren(list);
  };
  form.addEventListener("input", show);
  show();
})();
