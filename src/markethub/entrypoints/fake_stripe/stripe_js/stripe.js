// A stand-in for Stripe.js that speaks to the simulated account: the part of its surface that a
// checkout with cards needs, with the same calls, results and errors. As with the real one, card
// fields live in a frame of their own, whose numbers no script of the page can read.
// Source of names and shapes: https://docs.stripe.com/js
(() => {
  "use strict";

  const door = new URL("..", document.currentScript.src).href.replace(/\/$/, "");
  const KINDS = {
    payment: { path: "payment_intents", result: "paymentIntent", inError: "payment_intent" },
    setup: { path: "setup_intents", result: "setupIntent", inError: "setup_intent" },
  };

  const refusal = (message) => new Error(`Stripe.js stand-in: ${message}`);
  const idOf = (clientSecret) => clientSecret.split("_secret_")[0];
  const kindOf = (clientSecret) =>
    clientSecret.startsWith("seti_") ? KINDS.setup : KINDS.payment;
  const unreachable = () => ({
    error: {
      type: "api_connection_error",
      message: "We could not reach our payment provider. Please check your connection.",
    },
  });

  // A frame of the door's, and a line to it that nobody else hears. The sandbox keeps the page's
  // scripts out of it, as another origin does with the real one.
  function openFrame(name, title, onMessage) {
    const frame = document.createElement("iframe");
    const { port1: line, port2 } = new MessageChannel();
    const waiting = new Map();
    let asked = 0;
    line.onmessage = ({ data }) => {
      if (!("answer" in data)) return onMessage(data);
      waiting.get(data.id)(data.answer);
      waiting.delete(data.id);
    };
    frame.title = title;
    frame.setAttribute("sandbox", "allow-scripts");
    frame.src = `${door}/stripe-js/${name}`;
    Object.assign(frame.style, { border: "0", width: "100%", display: "block" });
    const opened = new Promise((resolve) => {
      frame.addEventListener("load", () => {
        frame.contentWindow.postMessage({ door }, "*", [port2]);
        resolve();
      }, { once: true });
    });
    return {
      frame,
      tell: (message) => opened.then(() => line.postMessage(message)),
      ask: (message) => opened.then(() => new Promise((resolve) => {
        waiting.set((asked += 1), resolve);
        line.postMessage({ ...message, id: asked });
      })),
    };
  }

  class PaymentElement {
    #listeners = new Map();
    #frame = null;
    #theme;

    constructor(theme) {
      this.#theme = theme;
    }

    on(event, listener) {
      this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
      return this;
    }

    mount(where) {
      const place = typeof where === "string" ? document.querySelector(where) : where;
      if (!place) throw refusal("there is no element to mount the card fields in.");
      this.unmount();
      this.#frame = openFrame("card.html", "Secure card fields", (said) => this.#hear(said));
      this.#frame.frame.style.height = "170px";
      this.#frame.tell({ theme: this.#theme });
      place.replaceChildren(this.#frame.frame);
      // The demo's list of test cards; the real Stripe.js has nothing like it.
      window.addEventListener("fake-stripe:fill", this.#fill);
    }

    unmount() {
      window.removeEventListener("fake-stripe:fill", this.#fill);
      this.#frame?.frame.remove();
      this.#frame = null;
    }

    show(theme) {
      this.#theme = theme;
      this.#frame?.tell({ theme });
    }

    ask(message) {
      if (!this.#frame) throw refusal("the Payment Element is not mounted.");
      return this.#frame.ask(message);
    }

    #fill = ({ detail }) => this.#frame?.tell({ fill: detail });

    #hear(said) {
      if (said.height) this.#frame.frame.style.height = `${said.height}px`;
      if (!said.event) return;
      const event = { elementType: "payment", ...said.details };
      for (const listener of this.#listeners.get(said.event) ?? []) listener(event);
    }
  }

  class Elements {
    #theme;

    constructor({ clientSecret, appearance }) {
      if (!clientSecret) throw refusal("elements() needs a clientSecret.");
      this.clientSecret = clientSecret;
      this.payment = null;
      this.#theme = appearance?.theme ?? "stripe";
    }

    create(type) {
      if (type !== "payment") throw refusal(`there is no element "${type}".`);
      if (this.payment) throw refusal("there is a Payment Element already.");
      this.payment = new PaymentElement(this.#theme);
      return this.payment;
    }

    update({ appearance } = {}) {
      this.#theme = appearance?.theme ?? this.#theme;
      this.payment?.show(this.#theme);
    }

    async fetchUpdates() {
      return {}; // Nothing that the fields show depends on the intent.
    }

    async submit() {
      const error = await this.payment.ask({ validate: true });
      return error ? { error } : { selectedPaymentMethod: "card" };
    }
  }

  class StripeStandIn {
    #key;

    constructor(key) {
      if (!/^pk_/.test(key ?? "")) throw refusal("Stripe() needs a publishable key.");
      this.#key = key;
    }

    elements(options) {
      return new Elements(options);
    }

    confirmPayment = (options) => this.#confirm(options);
    confirmSetup = (options) => this.#confirm(options);
    retrievePaymentIntent = (clientSecret) => this.#retrieve(clientSecret);
    retrieveSetupIntent = (clientSecret) => this.#retrieve(clientSecret);

    async handleNextAction({ clientSecret }) {
      const result = await this.#retrieve(clientSecret);
      const intent = result[kindOf(clientSecret).result];
      if (intent && intent.status !== "requires_action") {
        throw refusal(`the intent is ${intent.status}, there is no next action.`);
      }
      return this.#challenged(clientSecret, result);
    }

    async #confirm({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      if (elements && !elements.payment) throw refusal("the elements have no Payment Element.");
      const secret = clientSecret ?? elements?.clientSecret;
      if (!secret) throw refusal("a clientSecret or elements are needed.");
      const path = `/v1/${kindOf(secret).path}/${idOf(secret)}/confirm`;
      const params = { client_secret: secret };
      if (confirmParams.payment_method) params.payment_method = confirmParams.payment_method;
      // With elements, the frame itself sends the number.
      const answer = elements
        ? await elements.payment.ask({ confirm: { path, key: this.#key, params } })
        : await this.#request("POST", path, params);
      const result = await this.#challenged(secret, this.#read(secret, answer));
      if (redirect === "always" && !result.error) {
        const target = new URL(confirmParams.return_url);
        target.searchParams.set(kindOf(secret).inError, idOf(secret));
        target.searchParams.set("redirect_status", "succeeded");
        window.location.assign(target);
      }
      return result;
    }

    async #retrieve(clientSecret) {
      const path = `/v1/${kindOf(clientSecret).path}/${idOf(clientSecret)}`;
      const answer = await this.#request("GET", path, { client_secret: clientSecret });
      return this.#read(clientSecret, answer);
    }

    // Let the bank ask, where it wants to: in a dialog above the page.
    async #challenged(clientSecret, result) {
      const { path, result: name, inError } = kindOf(clientSecret);
      const intent = result[name];
      if (intent?.status !== "requires_action") return result;
      const answer = await askInDialog({
        id: intent.id,
        key: this.#key,
        clientSecret,
        what: path === "payment_intents" ? amountOf(intent) : null,
      });
      const after = this.#read(clientSecret, answer);
      const failure = after[name]?.last_payment_error ?? after[name]?.last_setup_error;
      if (!failure || after[name].status !== "requires_payment_method") return after;
      return { error: { ...failure, [inError]: after[name] } };
    }

    #read(clientSecret, answer) {
      if (!answer.body) return unreachable();
      if (answer.ok) return { [kindOf(clientSecret).result]: answer.body };
      return { error: answer.body.error };
    }

    async #request(method, path, params) {
      const encoded = new URLSearchParams(params);
      const query = method === "GET" ? `?${encoded}` : "";
      try {
        const response = await fetch(`${door}${path}${query}`, {
          method,
          headers: { Authorization: `Bearer ${this.#key}` },
          body: method === "GET" ? undefined : encoded,
        });
        return { ok: response.ok, body: await response.json() };
      } catch {
        return { ok: false, body: null };
      }
    }
  }

  function amountOf({ amount, currency }) {
    const format = new Intl.NumberFormat("en", { style: "currency", currency });
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
  }

  function askInDialog(challenge) {
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      const { frame, tell } = openFrame("challenge.html", "Confirmation by your bank", (said) => {
        if (said.height) frame.style.height = `${said.height}px`;
        if (!("answered" in said)) return;
        dialog.close();
        dialog.remove();
        resolve(said.answered);
      });
      Object.assign(dialog.style, {
        border: "0", padding: "0", margin: "auto", background: "transparent",
        width: "min(26rem, calc(100vw - 2rem))", maxWidth: "none", overflow: "visible",
        boxShadow: "0 0 0 200vmax rgb(15 23 42 / 60%)", borderRadius: "14px",
      });
      Object.assign(frame.style, { height: "380px", borderRadius: "14px" });
      dialog.setAttribute("aria-label", frame.title);
      dialog.append(frame);
      // Escape is heard here or in the frame, wherever the focus is: it is a no.
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        tell({ cancel: true });
      });
      document.body.append(dialog);
      dialog.showModal();
      frame.focus();
      tell({ challenge });
    });
  }

  window.Stripe = (key) => new StripeStandIn(key);
})();
