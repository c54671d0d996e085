// The list of test cards, which no real checkout has. The stand-in for Stripe.js lets it fill in its
// fields; Stripe's own fields nobody can fill in, so there the number is copied.
"use strict";

const note = document.getElementById("test-card-status");
const standsIn = !document.querySelector('script[src^="https://js.stripe.com/"]');

document.getElementById("test-cards").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { number, expiry, cvc } = button.dataset;
  if (standsIn) {
    const another = document.querySelector('#methods [value=""]');
    if (another && !another.checked) another.click();
    window.dispatchEvent(
      new CustomEvent("fake-stripe:fill", { detail: { number, expiry, cvc } }),
    );
    note.textContent = `Filled in: ${button.textContent}`;
    return;
  }
  // Without https, or where the customer forbids it, there is no clipboard.
  const copying = navigator.clipboard?.writeText(number) ?? Promise.reject();
  const done = await copying.then(() => "Copied", () => "Type in");
  note.textContent = `${done}: ${number}. Expiry ${expiry}, code ${cvc}.`;
});
