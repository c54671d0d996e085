// A checkout for MarketHub: plain JavaScript, no build step, made to be copied.
//
// Three rules make it safe, and the rest is manners:
//  1. The server's answer is the truth. What Stripe.js says only tells us when to ask the server.
//  2. Nobody is told "failed" while nobody knows. A lost answer is unknown until the server knows.
//  3. An order has one live payment, so trying again can never charge twice.
//
// The page needs Stripe.js, the elements that `ui` names, and on the form: the order's id, the
// customer's id, the total that the customer sees (minor units), and where to go once it is paid.
"use strict";

const PATIENCE_MS = 30_000; // After this long without an answer we say that we do not know.
const LOOKS = 4; // So often the server must say "nothing has happened" before we believe it.

const ui = {
  form: document.getElementById("payment"),
  methods: document.getElementById("methods"),
  newCard: document.getElementById("new-card"),
  cardFields: document.getElementById("card-fields"),
  save: document.getElementById("save"),
  pay: document.getElementById("pay"),
  status: document.getElementById("status"),
  error: document.getElementById("error"),
};
const { order, customer, total, done } = ui.form.dataset;

let stripe; // Stripe.js, once we know our publishable key.
let elements; // The card fields.
let card;
let started; // What create-payment-intent answered: the payment, and the browser's secret for it.
let busy = true; // A second click while this is set does nothing.

// --- our server ---------------------------------------------------------------------------------

const LATE = Symbol("no answer in time");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms, LATE));
const within = (ms, promise) => Promise.race([promise, sleep(ms)]);

// Your own server, which knows who is signed in, hands out customer tokens. Ours is the demo's.
let token = null;
async function freshToken() {
  const response = await fetch("/demo/token", { method: "POST" });
  if (!response.ok) throw new Error("You have been signed out. Please reload the page.");
  return (await response.json()).token;
}

// Call MarketHub's interface as the customer. Raises an Error with the problem's code and status.
async function api(method, path, body) {
  for (let attempt = 1; ; attempt += 1) {
    token ??= await freshToken();
    const response = await fetch(path, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (response.status === 401 && attempt === 1) {
      token = null; // It has expired: once more with a new one.
      continue;
    }
    const answer = await response.json();
    if (response.ok) return answer;
    throw Object.assign(new Error(answer.detail), { code: answer.code, status: response.status });
  }
}

// Ask for the order's payment. That charges nothing, and asked again it is the same payment: so
// whatever is temporary, an answer that was lost included, is simply asked again.
async function start(wish = {}) {
  const body = { ...wish, expected_total: Number(total) };
  const path = `/api/stripe/create-payment-intent/${order}/`;
  for (let pause = 1000; pause <= 8000; pause *= 2) {
    try {
      const answer = await within(PATIENCE_MS, api("POST", path, body));
      if (answer !== LATE) return answer;
    } catch (error) {
      const isOfNetwork = error instanceof TypeError;
      const isTemporary = error.status >= 500 || error.code === "request_in_progress";
      if (!isOfNetwork && !isTemporary) throw error;
    }
    await sleep(pause);
  }
  throw new Error("The shop does not answer, and nothing has been paid. Please try again later.");
}

// What really became of the payment: the server asks the provider. Null where it cannot tell now.
async function look() {
  const body = { payment_intent_id: started.payment_intent_id };
  const asked = api("POST", "/api/stripe/confirm-payment/", body);
  const answer = await within(PATIENCE_MS, asked.catch(() => LATE));
  return answer === LATE ? null : answer;
}

// --- what the customer reads --------------------------------------------------------------------

const UNKNOWN =
  "We do not know yet whether your payment went through. Please do not pay again: " +
  "we keep asking, and will tell you here.";
const LOST =
  "We could not reach the payment provider, and nothing has been paid. " +
  "Please try again: you will not be charged twice.";
const UNFINISHED = "The payment was not finished. Please try again.";
const PROBLEMS = {
  amount_mismatch: "Your order has changed meanwhile. Please reload the page and look at it again.",
  rate_limited: "There were too many tries. Please wait a while, then reload the page.",
};

function say(text) {
  ui.status.textContent = text;
  ui.status.hidden = !text;
}

// Say what is wrong, and take keyboard and screen reader there. Errors of a single field are told
// beside it, in the card fields, where the focus is already.
function complain(text, { inField = false } = {}) {
  say("");
  ui.error.textContent = text;
  ui.error.hidden = !text;
  if (text && !inField) ui.error.focus();
}

function setBusy(value) {
  busy = value;
  // Not `disabled`: the button would lose the focus, and with it the keyboard's place.
  ui.pay.setAttribute("aria-disabled", String(value));
  ui.form.classList.toggle("busy", value);
}

// --- what to pay with ---------------------------------------------------------------------------

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const appearance = () => ({ theme: dark.matches ? "night" : "stripe" });
dark.addEventListener("change", () => elements?.update({ appearance: appearance() }));

function mountCardFields() {
  card?.unmount();
  elements = stripe.elements({ clientSecret: started.client_secret, appearance: appearance() });
  card = elements.create("payment");
  card.mount(ui.cardFields);
}

async function showSavedCards() {
  // Without its list the customer can still type a card: this is no reason to stop.
  const path = `/api/customers/${customer}/payment-methods/`;
  const listed = await within(PATIENCE_MS, api("GET", path).catch(() => LATE));
  const saved = listed === LATE ? [] : listed.items.filter((method) => method.is_active);
  const several = [...saved.map((method) => [method.id, nameOf(method)]), ["", "Another card"]];
  for (const [id, name] of several) {
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "method", value: id });
    const label = document.createElement("label");
    label.append(radio, name);
    ui.methods.append(label);
  }
  const first = saved.find((method) => method.is_default) ?? saved[0];
  ui.methods.querySelector(`[value="${first?.id ?? ""}"]`).checked = true;
  ui.methods.hidden = saved.length === 0;
  ui.methods.addEventListener("change", showChosen);
  showChosen();
}

function nameOf({ brand, last4, exp_month: month, exp_year: year }) {
  const name = brand.charAt(0).toUpperCase() + brand.slice(1);
  return `${name} ending in ${last4}, valid until ${String(month).padStart(2, "0")}/${year}`;
}

const chosen = () => ui.methods.querySelector(":checked").value; // Empty for a new card.

function showChosen() {
  ui.newCard.hidden = chosen() !== "";
}

// --- paying -------------------------------------------------------------------------------------

async function pay(event) {
  event.preventDefault();
  if (busy) return; // A double click is one payment.
  setBusy(true);
  complain("");
  try {
    const problem = await confirm(chosen());
    if (problem) complain(problem.message, { inField: problem.type === "validation_error" });
  } catch (error) {
    if (error.code === "order_already_paid") return void window.location.assign(done);
    complain(PROBLEMS[error.code] ?? error.message);
  }
  setBusy(false);
}

// Returns what is wrong, once that is known. Where the payment succeeded it leaves the page.
async function confirm(methodId) {
  const confirmParams = { return_url: window.location.href };
  if (!methodId) {
    const { error } = await elements.submit(); // Are the card fields filled in?
    if (error) return error;
  }
  say("Paying. One moment, please.");
  const before = started.client_secret;
  started = await start(methodId ? { method_id: methodId } : { save_method: ui.save.checked });
  if (methodId) {
    const clientSecret = started.client_secret;
    return settle(stripe.confirmPayment({ clientSecret, confirmParams, redirect: "if_required" }));
  }
  if (started.client_secret !== before) {
    mountCardFields(); // The payment was replaced, and the fields belonged to the old one.
    return { message: "Your payment had to be started anew. Please enter your card again." };
  }
  await elements.fetchUpdates();
  return settle(stripe.confirmPayment({ elements, confirmParams, redirect: "if_required" }));
}

// Wait for Stripe.js, which may ask the customer's bank meanwhile, and then for the truth.
async function settle(confirming) {
  let result = null; // Null for as long as the request is under way.
  const confirmed = confirming.then(
    (answer) => { result = answer; },
    () => { result = { error: { type: "api_error" } }; },
  );
  if ((await within(PATIENCE_MS, confirmed)) === LATE) say(UNKNOWN);
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
        if (!heard) break; // The bank's question is on the screen.
        await sleep(500); // It was lost, with a reload or an answer: it is asked again.
        return settle(stripe.handleNextAction({ clientSecret: started.client_secret }));
      case "requires_payment_method":
      case "canceled":
        if (isCertain(heard)) return reasonOf(truth.error, heard.error);
        // The answer was lost. What the server tells may be of an earlier try, or the request may
        // still be on its way: so it is asked for some time before we say that nothing happened.
        if (heard && (looks += 1) >= LOOKS) return { message: LOST };
        break;
      default: // "processing", "pending", or no answer: not known yet.
    }
    if (truth?.status !== "requires_action") say(UNKNOWN);
    await sleep(pause);
  }
}

// Our server's words are made for customers, if they are about this try and not an earlier one.
function reasonOf(ours, stripes) {
  if (ours && (!stripes || ours.code === stripes.code)) return ours;
  return stripes ?? { message: UNFINISHED };
}

// Did Stripe itself answer? Its own trouble, and the network's, say nothing about the payment.
function isCertain(result) {
  const type = result?.error?.type;
  return Boolean(result) && type !== "api_connection_error" && type !== "api_error";
}

// --- the beginning, and again after each reload -------------------------------------------------

async function begin() {
  try {
    started = await start();
    if (!window.Stripe) throw new Error("The card fields did not load. Please reload the page.");
    stripe = window.Stripe(started.publishable_key);
    await showSavedCards();
    mountCardFields();
    ui.form.hidden = false;
    ui.form.addEventListener("submit", pay);
    say("");
    if (started.status !== "requires_payment_method") {
      // The page was left in the middle of a payment: go on where it was.
      say("We are looking what became of your payment.");
      const problem = await settle(Promise.resolve({}));
      complain(problem?.message ?? "");
    }
    setBusy(false);
  } catch (error) {
    if (error.code === "order_already_paid") return void window.location.assign(done);
    complain(PROBLEMS[error.code] ?? error.message);
  }
}

begin();
