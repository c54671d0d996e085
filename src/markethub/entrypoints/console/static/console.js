// What the console's pages do beyond plain forms and htmx. Everything works without it.
"use strict";

// One box ticks all of its form, and the buttons that need a choice say how many were made.
function count(form) {
  const boxes = [...form.querySelectorAll("input[type=checkbox][data-pick]")];
  const picked = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("input[data-pick-all]");
  if (all) {
    const veil = all.closest("label[hidden], .box-head[hidden]");
    if (veil) veil.hidden = boxes.length === 0;
    all.checked = boxes.length > 0 && picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
  }
  for (const said of form.querySelectorAll("[data-picked]")) said.textContent = String(picked);
  for (const button of form.querySelectorAll("button[data-needs-pick]")) {
    button.disabled = picked === 0;
  }
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form");
  if (!form) return;
  if (event.target.matches("[data-pick-all]")) {
    for (const box of form.querySelectorAll("[data-pick]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-pick], [data-pick-all]")) count(form);
});

// A form is sent once; the server takes a second click for the first one, too.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
});

// A page that comes back from the browser's memory can be used again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) {
    delete form.dataset.sent;
    for (const busy of form.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
    count(form);
  }
});

// On a phone the sections scroll sideways: where one is should be in sight.
const current = document.querySelector(".sections [aria-current]");
if (current) {
  const line = current.closest(".sections");
  line.scrollLeft = current.offsetLeft - line.offsetLeft - 16;
}

// Without scripts a button is never held back; with them it waits for a choice.
document.addEventListener("htmx:afterSettle", () => {
  for (const form of document.querySelectorAll("form")) count(form);
});

// A text says how long it is while it is written, and a form how long all of its texts are.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-counted]")) return;
  const said = event.target.closest("label").querySelector("[data-count]");
  if (said) said.textContent = String([...event.target.value].length);
  const form = event.target.form;
  const all = [...form.querySelectorAll("[data-counted]")];
  const length = all.reduce((sum, each) => sum + [...each.value].length, 0);
  const total = form.querySelector("[data-count-all]");
  if (total) total.textContent = String(length);
});
