// A customer's saved cards, and saving one without paying. Copy it together with markethub.js.
//
// Saving moves no money, and a card that is saved twice is kept once: so whoever does not know what
// became of it may simply try again.
import {
  LATE, api, at, complain, explain, nameOf, problem, savedCards, say, showCardFields, within,
} from "./markethub.js";

const LOOKS = 6; // So often the list is read: a card is in it once Stripe has told the server.
const UNKNOWN =
  "We do not know yet whether your card was saved. If it does not appear in your list, please " +
  "try again: it is kept only once.";
const SAVED = "Your card is saved.";
const REFUSED = "Your card could not be saved. Please try again or use another card.";

const form = at("new-card");
const { customer } = form.dataset;
let stripe;
let elements;
let busy = true;

async function list() {
  const cards = await savedCards(customer);
  at("saved").replaceChildren(...cards.map((card) => {
    const item = document.createElement("li");
    item.textContent = nameOf(card);
    return item;
  }));
  at("none").hidden = cards.length > 0;
}

// Every card that is saved has a setup of its own.
async function begin() {
  const path = `/api/customers/${customer}/payment-methods/setup-intent/`;
  const setup = await within(api("POST", path, {}));
  if (setup === LATE) throw problem("no_answer");
  if (!window.Stripe) throw problem("no_fields");
  stripe ??= window.Stripe(setup.publishable_key);
  elements = showCardFields(stripe, setup.client_secret);
  form.hidden = false;
}

async function save(event) {
  event.preventDefault();
  if (busy) return;
  setBusy(true);
  complain("");
  try {
    await confirm();
  } catch (error) {
    complain(explain(error));
  }
  setBusy(false);
}

async function confirm() {
  const { error: incomplete } = await elements.submit();
  if (incomplete) return complain(incomplete.message, { inField: true });
  say("Saving your card. One moment, please.");
  const confirmParams = { return_url: window.location.href };
  const confirming = stripe.confirmSetup({ elements, confirmParams, redirect: "if_required" });
  if ((await within(confirming)) === LATE) say(UNKNOWN); // A bank's question may take longer.
  const { error, setupIntent } = await confirming;
  if (error?.type === "card_error") return complain(error.message);
  if (error?.type === "invalid_request_error") return complain(REFUSED);
  if (setupIntent?.status === "succeeded") say(SAVED);
  else complain(UNKNOWN);
  for (let look = 0; look < LOOKS; look += 1) {
    setTimeout(() => list().catch(() => null), look * 1000); // The next look may succeed.
  }
  await begin();
}

function setBusy(value) {
  busy = value;
  at("save").setAttribute("aria-disabled", String(value));
  form.classList.toggle("busy", value);
}

try {
  await list();
  await begin();
  form.addEventListener("submit", save);
  say("");
  setBusy(false);
} catch (error) {
  complain(explain(error));
}
