// The line to the daemon: what happens there, as it happens. It comes back by itself, however it broke, less and less often.
// As a shared worker it is one line for all open pages: browsers open six connections to a host, and a line keeps one.
"use strict";

const SILENCE = 60000; // milliseconds; the daemon gives a sign of life every 20 s
const SOONEST = 3000;
const LATEST = 60000;

function openLine(tell) {
  let source = null;
  let timer = 0;
  let wait = SOONEST;

  function expect() {
    clearTimeout(timer);
    timer = setTimeout(lose, SILENCE);
  }

  function hear(message) {
    expect();
    if (message.type === "hello") {
      wait = SOONEST;
    }
    tell(message.type, message.data);
  }

  function connect() {
    close();
    source = new EventSource("/events");
    for (const kind of ["hello", "progress", "changed", "alive"]) {
      source.addEventListener(kind, hear);
    }
    source.addEventListener("error", lose); // a refusal (401, 503) would end it for good
    expect();
  }

  function lose() {
    close();
    tell("lost");
    timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LATEST);
  }

  function close() {
    clearTimeout(timer);
    if (source) {
      source.close();
      source = null;
    }
  }

  connect();
  return { connect, close };
}

if ("SharedWorkerGlobalScope" in self) {
  const pages = new Set();
  let state = null;
  openLine((kind, data) => {
    state = kind === "lost" ? "lost" : "hello";
    pages.forEach((page) => page.postMessage([kind, data]));
  });
  self.addEventListener("connect", ({ ports: [page] }) => {
    page.onmessage = ({ data }) => {
      if (data === "gone") {
        pages.delete(page);
        return;
      }
      pages.add(page);
      if (state) {
        page.postMessage([state]);
      }
    };
  });
}
