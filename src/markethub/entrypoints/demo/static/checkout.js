// A checkout for MarketHub: plain JavaScript, no build step, made to be copied, with markethub.js.
//
// Three rules make it safe, and the rest is manners:
//  1. The server's answer is the truth. What Stripe.js says only tells us when to ask the server.
//  2. Nobody is told "failed" while nobody knows. A lost answer is unknown until the server knows.
//  3. An order has one live payment, so trying again can never charge twice.
//
// The page needs Stripe.js, the elements that `at` names, and on the form the ids of order and
// customer, the total that the customer sees (minor units), and where to go once it is paid.
import {
  LATE, api, at, complain, explain, isBack, nameOf, problem, savedCards, say, showCardFields,
  sleep, within,
} from "./markethub.js";

const PAID = ["order_already_paid", "payment_quarantined"]; // Then the next page says what.
const LOOKS = 4; // So often the server must say "nothing has happened" before we believe it.
const UNKNOWN =
  "We do not know yet whether your payment went through. Please do not pay again: " +
  "we keep asking, and will tell you here.";
const RECEIVED =
  "Your payment went through, but the shop does not answer just now. Please do not pay again: " +
  "we keep asking, and will show you its confirmation.";
const LOST =
  "We could not reach the payment provider, and nothing has been paid so far. " +
  "Please try again: you will not be charged twice.";
const UNFINISHED = "The payment was not finished. Please try again.";
const ASKED = "Your bank asks you to confirm the payment.";
const form = at("payment");
const { order, customer, total, done } = form.dataset;
let stripe; // Stripe.js, once we know our publishable key.
let elements; // The card fields.
let started; // What create-payment-intent answered: the payment, and the browser's secret for it.
let busy = true; // A second click while this is set does nothing.

function setBusy(value) {
  busy = value;
  // Not `disabled`: the button would lose the focus, and with it the keyboard's place.
  at("pay").setAttribute("aria-disabled", String(value));
  form.classList.toggle("busy", value);
}

// Ask for the order's payment. That charges nothing, and asked again it is the same payment: so
// whatever is temporary, an answer that was lost included, is simply asked again.
async function start(wish = {}) {
  const path = `/api/stripe/create-payment-intent/${order}/`;
  const body = { ...wish, expected_total: Number(total) };
  for (let pause = 1000; pause <= 8000; pause *= 2) {
    try {
      const answer = await within(api("POST", path, body));
      if (answer !== LATE) return answer;
    } catch (error) {
      const isBusy = error.code === "request_in_progress" || error.code === "stale_write";
      if (error.status < 500 && !isBusy) throw error;
    }
    await sleep(pause);
  }
  throw problem("no_answer");
}

// What really became of the payment: the server asks the provider. Null where it cannot tell now.
async function look() {
  const body = { payment_intent_id: started.payment_intent_id };
  const answer = await within(api("POST", "/api/stripe/confirm-payment/", body).catch(() => LATE));
  return answer === LATE ? null : answer;
}

// While the server cannot tell, Stripe may: its good news is worth telling, and no more than that.
async function hearsay() {
  const asked = stripe.retrievePaymentIntent(started.client_secret);
  const { paymentIntent } = await within(asked.catch(() => LATE));
  return ["succeeded", "requires_capture"].includes(paymentIntent?.status) ? RECEIVED : UNKNOWN;
}

async function showSavedCards() {
  // Without its list the customer can still type a card: this is no reason to stop.
  const listed = await within(savedCards(customer).catch(() => LATE));
  const saved = listed === LATE ? [] : listed;
  const several = [...saved.map((method) => [method.id, nameOf(method)]), ["", "Another card"]];
  for (const [id, name] of several) {
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "method", value: id });
    const label = document.createElement("label");
    label.append(radio, name);
    at("methods").append(label);
  }
  const first = saved.find((method) => method.is_default) ?? saved[0];
  at("methods").querySelector(`[value="${first?.id ?? ""}"]`).checked = true;
  at("methods").hidden = saved.length === 0;
  at("methods").addEventListener("change", showChosen);
  showChosen();
}
const chosen = () => at("methods").querySelector(":checked").value; // Empty for a new card.
const showChosen = () => { at("new-card").hidden = chosen() !== ""; };

async function pay(event) {
  event.preventDefault();
  if (busy) return; // A double click is one payment.
  setBusy(true);
  complain("");
  try {
    const reason = await confirm(chosen());
    if (reason) complain(reason.message, { inField: reason.type === "validation_error" });
  } catch (error) {
    if (PAID.includes(error.code)) return void window.location.assign(done);
    complain(explain(error));
  }
  setBusy(false);
}

// Returns why nothing was paid, once that is known. Where it was paid, it leaves the page.
async function confirm(methodId) {
  const confirmParams = { return_url: window.location.href };
  if (!methodId) {
    const { error } = await elements.submit(); // Are the card fields filled in?
    if (error) return reasonOf(null, error);
  }
  say("Paying. One moment, please.");
  const before = started.client_secret;
  started = await start(methodId ? { method_id: methodId } : { save_method: at("save").checked });
  const clientSecret = started.client_secret;
  const isReplaced = clientSecret !== before; // Then the fields belong to what was canceled.
  if (isReplaced) elements = showCardFields(stripe, clientSecret);
  const options = { confirmParams, redirect: "if_required" };
  if (methodId) return settle(() => stripe.confirmPayment({ clientSecret, ...options }));
  if (isReplaced) {
    return { message: "Your payment had to be started anew. Please enter your card again." };
  }
  await elements.fetchUpdates();
  return settle(() => stripe.confirmPayment({ elements, ...options }));
}

// Let Stripe.js do it, which may ask the customer's bank meanwhile, and wait for the truth.
async function settle(act) {
  let result = null; // Null for as long as the request is under way.
  const acted = (async () => act())().then(
    (answer) => { result = answer; },
    () => { result = { error: { type: "api_error" } }; }, // It could not even be asked.
  );
  if ((await within(acted)) === LATE) say(UNKNOWN);
  for (let looks = 0, pause = 1000; ; pause = Math.min(pause * 2, 10_000)) {
    const heard = result; // What comes while we look may be newer than what we see.
    const truth = await look();
    switch (truth?.status) {
      case "succeeded":
      case "authorized":
        say("Paid. One moment, please.");
        window.location.assign(done);
        return new Promise(() => {}); // We are leaving: nothing may be clicked any more.
      case "requires_action":
        say(ASKED);
        if (!heard) break; // The bank's question is on the screen.
        await sleep(500); // It was lost, with a reload or an answer: it is asked again.
        return settle(() => stripe.handleNextAction({ clientSecret: started.client_secret }));
      case "requires_payment_method":
      case "canceled":
        if (isCertain(heard)) return reasonOf(truth.error, heard.error);
        say(UNKNOWN);
        // The answer was lost. What the server tells may be of an earlier try, or the request may
        // still be on its way: so it is asked for some time before we say that nothing happened.
        if (heard?.error && (looks += 1) >= LOOKS) return { message: LOST };
        break;
      default: // "processing", "pending", or no answer: not known yet.
        say(truth ? UNKNOWN : await hearsay());
    }
    await sleep(pause);
  }
}

// Our server's words are made for customers, if they are about this try and not an earlier one. Of
// Stripe's, those about cards are; the others are for developers.
function reasonOf(ours, stripes) {
  if (ours && (!stripes || ours.code === stripes.code)) return ours;
  const isForCustomers = ["card_error", "validation_error"].includes(stripes?.type);
  return isForCustomers ? stripes : { message: UNFINISHED };
}

// Did Stripe itself say that it came to nothing? Its own trouble, and the network's, say nothing
// about the payment; and where Stripe tells of a success, the server has not heard of it yet.
function isCertain(heard) {
  if (heard?.error) return !["api_connection_error", "api_error"].includes(heard.error.type);
  const held = ["succeeded", "processing", "requires_capture"];
  return Boolean(heard) && !held.includes(heard.paymentIntent?.status);
}

// The beginning, and again after each reload.
async function begin() {
  try {
    started = await start();
    if (!window.Stripe) throw problem("no_fields");
    stripe = window.Stripe(started.publishable_key);
    await showSavedCards();
    elements = showCardFields(stripe, started.client_secret);
    form.hidden = false;
    form.addEventListener("submit", pay);
    say("");
    if (isBack || started.status !== "requires_payment_method") {
      say("We are looking what became of your payment."); // The page was left in the middle of it.
      complain((await settle(() => ({}))).message);
    }
    setBusy(false);
  } catch (error) {
    if (PAID.includes(error.code)) return void window.location.assign(done);
    complain(explain(error));
  }
}

begin();
