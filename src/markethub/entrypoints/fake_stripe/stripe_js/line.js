// The line of a frame to the page that opened it. The first message brings the port; whoever else
// speaks to the frame is not listened to.
"use strict";

const line = {
  port: null,
  door: "",
  tell(message) {
    this.port.postMessage(message);
  },
  // Say how high the frame must be, now and whenever that changes.
  measure(element) {
    const observer = new ResizeObserver(() =>
      this.tell({ height: Math.ceil(element.getBoundingClientRect().height) }));
    observer.observe(element);
  },
  async post(path, key, params) {
    try {
      const response = await fetch(`${this.door}${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${key}` },
        body: new URLSearchParams(params),
      });
      return { ok: response.ok, body: await response.json() };
    } catch {
      return { ok: false, body: null }; // What became of the request, nobody here knows.
    }
  },
};

window.addEventListener("message", ({ source, data, ports }) => {
  if (line.port || source !== window.parent || ports.length !== 1) return;
  [line.port] = ports;
  line.door = data.door;
  line.port.onmessage = (event) => line.heard(event.data);
  line.opened();
});
