// What a shop's pages need to speak with MarketHub, with Stripe.js and with the customer. Copy it
// together with checkout.js. The page has a line `#status` and a box `#error` to speak in.

const PATIENCE_MS = 30_000; // After this long without an answer we say that we do not know.
export const LATE = Symbol("no answer in time");
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms, LATE));
export const within = (promise) => Promise.race([promise, sleep(PATIENCE_MS)]);
export const at = (id) => document.getElementById(id);

// Whom a bank leads back here comes with a client secret in the address, where it must not stay.
export const isBack = window.location.search !== "";
if (isBack) window.history.replaceState(null, "", window.location.pathname);

// A page out of the browser's memory shows how things stood when it was left.
window.addEventListener("pageshow", ({ persisted }) => persisted && window.location.reload());

export const problem = (code, status) => Object.assign(new Error(code), { code, status });

// Your own server, which knows who is signed in, hands out customer tokens. Ours is the demo's.
let token = null;
async function freshToken() {
  const response = await fetch("/demo/token", { method: "POST" });
  if (!response.ok) throw problem("unauthorized", response.status);
  return (await response.json()).token;
}

// Call MarketHub's interface as the customer. A refusal has the problem's code and the status; what
// has no status is of the network.
export async function api(method, path, body) {
  for (let attempt = 1; ; attempt += 1) {
    token ??= await freshToken();
    const response = await fetch(path, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    if (response.ok) return response.json();
    if (response.status !== 401 || attempt > 1) {
      const { code } = await response.json().catch(() => ({})); // It may be a proxy's page.
      throw problem(code, response.status);
    }
    token = null; // It has expired: once more with a new one.
  }
}

const AGAIN = "Please reload the page: you will not be charged twice.";
const PROBLEMS = {
  amount_mismatch: "Your order has changed meanwhile. Please reload the page and look at it again.",
  rate_limited: "There were too many tries. Please wait a while, then reload the page.",
  not_found: "Your order, or the card that you chose, is gone. Please reload the page.",
  unauthorized: "You have been signed out. Please sign in again and reload the page.",
  no_fields: `The card fields did not load. ${AGAIN}`,
  no_answer: `The shop does not answer just now. ${AGAIN}`,
};
export const explain = ({ code }) => PROBLEMS[code] ?? `Something went wrong here. ${AGAIN}`;

export const say = (text) => { at("status").textContent = text; };

// Say what is wrong, and take keyboard and screen reader there. Errors of a single field are told
// beside it, in the card fields, where the focus is already.
export function complain(text, { inField = false } = {}) {
  say("");
  at("error").textContent = text;
  at("error").hidden = !text;
  if (text && !inField) at("error").focus();
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const appearance = () => ({ theme: dark.matches ? "night" : "stripe" });
let elements = null;
let card = null;
dark.addEventListener("change", () => elements?.update({ appearance: appearance() }));

// Show Stripe's card fields, which belong to the intent that the secret is of.
export function showCardFields(stripe, clientSecret) {
  card?.unmount();
  elements = stripe.elements({ clientSecret, appearance: appearance() });
  card = elements.create("payment");
  card.on("loaderror", () => complain(explain({ code: "no_fields" })));
  card.mount(at("card-fields"));
  return elements;
}

export async function savedCards(customer) {
  const { items } = await api("GET", `/api/customers/${customer}/payment-methods/`);
  return items.filter((method) => method.is_active);
}

export function nameOf({ brand, last4, exp_month: month, exp_year: year }) {
  const name = brand.charAt(0).toUpperCase() + brand.slice(1);
  return `${name} ending in ${last4}, valid until ${String(month).padStart(2, "0")}/${year}`;
}
