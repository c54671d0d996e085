// A bank's question, answered as Stripe.js answers it: with the publishable key and the client
// secret. Closing the question is a no.
"use strict";

const buttons = document.querySelectorAll("button");
let challenge = null;

async function answer(verb) {
  if (!challenge) return;
  const { id, key, clientSecret } = challenge;
  challenge = null; // The first answer counts.
  for (const button of buttons) button.disabled = true;
  document.getElementById("state").textContent = "One moment, please.";
  const params = { client_secret: clientSecret };
  line.tell({ answered: await line.post(`/challenge/${id}/${verb}`, key, params) });
}

for (const button of buttons) button.addEventListener("click", () => answer(button.dataset.verb));
window.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") answer("fail");
});

line.heard = (asked) => {
  if (asked.cancel) answer("fail");
  if (!asked.challenge) return;
  challenge = asked.challenge;
  document.getElementById("question").textContent = challenge.what
    ? `Your bank asks whether you pay ${challenge.what}.`
    : "Your bank asks whether you save this card.";
  document.querySelector("h1").focus();
};

line.opened = () => line.measure(document.querySelector("main"));
