// /flotte: searching while one types. The page works without it: every filter is a link or a form.
(() => {
  "use strict";
  const form = document.getElementById("recherche");
  if (!form) return;
  // One letter finds nearly everything: wait for the second. An empty field finds everything again.
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === form && document.getElementById("f-q").value.trim().length === 1) event.preventDefault();
  });
  form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
  form.addEventListener("submit", () => { for (const field of form.elements) if (field.name && !field.value) field.disabled = true; });
})();
