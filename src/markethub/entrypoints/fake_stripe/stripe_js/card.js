// The card fields. What is typed here goes to the door and nowhere else: the page that shows this
// frame hears whether it is complete, and what the door answered.
"use strict";

const fields = {
  number: document.getElementById("number"),
  expiry: document.getElementById("expiry"),
  cvc: document.getElementById("cvc"),
};
const FOURS = /(\d{1,4})/g;
const BRANDS = [
  { name: "Visa", starts: /^4/, lengths: [16], cvc: 3, groups: FOURS },
  { name: "Mastercard", starts: /^(5[1-5]|2[2-7])/, lengths: [16], cvc: 3, groups: FOURS },
  { name: "American Express", starts: /^3[47]/, lengths: [15], cvc: 4,
    groups: /^(\d{1,4})(\d{1,6})?(\d{1,5})?/ },
];
const OTHER = { name: "", lengths: [12, 13, 14, 15, 16, 17, 18, 19], cvc: 3, groups: FOURS };

const digits = (text) => text.replace(/\D/g, "");
const brandOf = (number) => BRANDS.find(({ starts }) => starts.test(number)) ?? OTHER;

// ISO/IEC 7812-1, annex B.
function passesLuhn(number) {
  const sum = [...number].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (1 + (place % 2));
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function grouped(number) {
  const { groups } = brandOf(number);
  const parts = groups.global ? number.match(groups) : number.match(groups)?.slice(1);
  return (parts ?? []).filter(Boolean).join(" ");
}

function expiryOf(text) {
  const plain = digits(text);
  if (plain.length !== 4 && plain.length !== 6) return null;
  const year = Number(plain.slice(2));
  return { month: Number(plain.slice(0, 2)), year: year < 100 ? 2000 + year : year };
}

// What is wrong with a field, in Stripe.js's codes and words; null where nothing is.
const judges = {
  number(text) {
    const number = digits(text);
    const { lengths } = brandOf(number);
    if (number.length < lengths[0]) return ["incomplete_number", "Your card number is incomplete."];
    if (!lengths.includes(number.length) || !passesLuhn(number)) {
      return ["invalid_number", "Your card number is invalid."];
    }
    return null;
  },
  expiry(text) {
    const expiry = expiryOf(text);
    if (!expiry || expiry.month < 1 || expiry.month > 12) {
      return ["incomplete_expiry", "Your card's expiration date is incomplete."];
    }
    const now = new Date();
    if (expiry.year < now.getFullYear()) {
      return ["invalid_expiry_year_past", "Your card's expiration year is in the past."];
    }
    if (expiry.year > now.getFullYear() + 50) {
      return ["invalid_expiry_year", "Your card's expiration year is invalid."];
    }
    if (expiry.year === now.getFullYear() && expiry.month < now.getMonth() + 1) {
      return ["invalid_expiry_month_past", "Your card's expiration date is in the past."];
    }
    return null;
  },
  cvc(text) {
    const wanted = brandOf(digits(fields.number.value)).cvc;
    if (digits(text).length === wanted) return null;
    return ["incomplete_cvc", "Your card's security code is incomplete."];
  },
};

const wrong = (name) => judges[name](fields[name].value);

function show(name, problem) {
  document.getElementById(`${name}-error`).textContent = problem ? problem[1] : "";
  if (problem) fields[name].setAttribute("aria-invalid", "true");
  else fields[name].removeAttribute("aria-invalid");
}

function tidy(name) {
  const field = fields[name];
  // Whoever corrects something in the middle keeps the caret there.
  if (field.selectionStart !== field.value.length) return;
  const plain = digits(field.value);
  if (name === "number") field.value = grouped(plain);
  if (name !== "expiry") return;
  const month = /^[2-9]$/.test(plain) ? `0${plain}` : plain.slice(0, 2);
  field.value = plain.length > 2 ? `${month} / ${plain.slice(2)}` : month;
}

function changed() {
  const names = Object.keys(fields);
  document.getElementById("brand").textContent = brandOf(digits(fields.number.value)).name;
  line.tell({
    event: "change",
    details: {
      complete: names.every((name) => !wrong(name)),
      empty: names.every((name) => !fields[name].value),
      value: { type: "card" },
    },
  });
}

for (const [name, field] of Object.entries(fields)) {
  field.addEventListener("input", (event) => {
    if (!event.inputType?.startsWith("delete")) tidy(name);
    show(name, null);
    changed();
  });
  field.addEventListener("blur", () => {
    if (field.value) show(name, wrong(name));
  });
}
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

// Show what is wrong, go to the first of it, and return that as Stripe.js's error.
function validate() {
  const found = Object.keys(fields).map((name) => [name, wrong(name)]);
  for (const [name, problem] of found) show(name, problem);
  const first = found.find(([, problem]) => problem);
  if (!first) return null;
  fields[first[0]].focus();
  const [code, message] = first[1];
  return { type: "validation_error", code, message };
}

function confirm({ path, key, params }) {
  const { month, year } = expiryOf(fields.expiry.value);
  return line.post(path, key, {
    ...params,
    "payment_method_data[type]": "card",
    "payment_method_data[card][number]": digits(fields.number.value),
    "payment_method_data[card][exp_month]": month,
    "payment_method_data[card][exp_year]": year,
    "payment_method_data[card][cvc]": digits(fields.cvc.value),
  });
}

line.heard = async (asked) => {
  if (asked.theme) document.documentElement.dataset.theme = asked.theme;
  if (asked.fill) {
    for (const [name, field] of Object.entries(fields)) {
      field.value = asked.fill[name];
      show(name, null);
    }
    fields.number.value = grouped(digits(fields.number.value));
    changed();
  }
  if (asked.validate) line.tell({ id: asked.id, answer: validate() });
  if (asked.confirm) {
    const problem = validate();
    const refused = { ok: false, body: { error: problem } };
    line.tell({ id: asked.id, answer: problem ? refused : await confirm(asked.confirm) });
  }
};

line.opened = () => {
  line.measure(document.querySelector("main"));
  line.tell({ event: "ready", details: {} });
};
