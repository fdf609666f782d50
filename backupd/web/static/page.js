// Keeps an open page true: bars move as messages come, and what changed is fetched again. Where that cannot be, the page says
// so, and tries again; while all is well, nothing is asked for on a timer.
"use strict";

const SETTLE = 300; // milliseconds; several changes at once are one
const PATIENCE = 30000; // for one answer
const AGAIN = 5000; // after a failure; each time longer
const AT_LAST = 60000;
const live = document.getElementById("live");
const stale = document.getElementById("stale");
let pending = 0; // the timer of the next renewal
let renewing = false;
let missed = false; // something changed while a renewal was under way
let soon = false; // a renewal is about to be
let pause = AGAIN;
let connected = null; // null: not known yet
let freshAt = Date.now();

const sizes = ["B", "kB", "MB", "GB", "TB", "PB"];

function size(count) {
  let unit = 0;
  while (Math.round(count * 10) / 10 >= 1000 && unit < sizes.length - 1) {
    count /= 1000;
    unit += 1;
  }
  return `${count.toFixed(unit ? 1 : 0)} ${sizes[unit]}`;
}

function span(then, now) {
  const seconds = Math.round(Math.abs(now - then) / 1000);
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const [name, length] = units.find(([name, length]) => seconds >= 2 * length || (seconds >= length && name !== "day")) || ["second", 1];
  const count = Math.floor(seconds / length);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

function ago(then, now) {
  const words = span(then, now);
  return then <= now ? `${words} ago` : `in ${words}`;
}

function tellTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    time.textContent = ago(new Date(time.dateTime), Date.now());
  }
  for (const time of document.querySelectorAll("time[data-for]")) {
    time.textContent = span(new Date(time.dateTime), Date.now());
  }
}

// Say how far the page can be believed.
function show(trouble) {
  const state = trouble ? "stale" : connected ? "on" : "off";
  if (live.dataset.state !== state) {
    live.dataset.state = state;
    live.querySelector("[data-word]").textContent = { on: "live", off: "not connected", stale: "not up to date" }[state];
  }
  stale.hidden = !trouble;
  document.body.classList.toggle("stale", Boolean(trouble));
  if (!trouble) {
    return;
  }
  document.title = "Not up to date · backupd";
  const reason = stale.querySelector("[data-reason]");
  if (reason.textContent !== trouble) {
    reason.textContent = trouble;
  }
  stale.querySelector("time").dateTime = new Date(freshAt).toISOString();
  tellTimes();
}

function move(progress) {
  const row = document.querySelector(`[data-file="${CSS.escape(progress.key)}"]`);
  const bar = row && row.querySelector("[data-bar]");
  if (!bar) {
    return;
  }
  if (progress.total) {
    bar.max = progress.total;
    bar.value = progress.received;
  }
  row.querySelector("[data-amount]").textContent = size(progress.received) + (progress.total ? ` of ${size(progress.total)}` : "");
  row.querySelector("[data-rate]").textContent = progress.rate ? `${size(progress.rate)}/s` : "";
  row.querySelector("[data-resumed]").textContent = progress.resumed ? `${size(progress.resumed)} resumed` : "";
}

// A selector that finds an element again after its part of the page was replaced.
function placeOf(element) {
  if (!element || element === document.body) {
    return "";
  }
  const part = element.closest("[data-live]");
  if (!part) {
    return "";
  }
  const steps = [];
  for (let at = element; at !== part; at = at.parentElement) {
    steps.unshift(`${at.localName}:nth-of-type(${1 + [...at.parentElement.children].filter((other) => other.localName === at.localName).indexOf(at)})`);
  }
  return [`[data-live="${part.dataset.live}"]`, ...steps].join(" > ");
}

function keepOpen(before, after) {
  const now = [...after.querySelectorAll("details")];
  [...before.querySelectorAll("details")].forEach((details, number) => {
    if (now[number]) {
      now[number].open = details.open;
    }
  });
}

function replace(fresh) {
  document.title = fresh.title;
  const focus = placeOf(document.activeElement);
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (other) {
      keepOpen(part, other);
      part.replaceWith(document.adoptNode(other));
    }
  }
  if (focus && placeOf(document.activeElement) !== focus) {
    document.querySelector(focus)?.focus({ preventScroll: true });
  }
  tellTimes();
}

// Fetch the page again and show it; return what is wrong if that cannot be.
async function fetchAgain() {
  let answer, text;
  try {
    answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout?.(PATIENCE) });
    text = await answer.text();
  } catch {
    return "The daemon does not answer.";
  }
  if (answer.redirected) {
    location.reload(); // to the login
    return "";
  }
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (!answer.ok) {
    const said = [...fresh.querySelectorAll("[data-said]")].map((part) => part.textContent.trim().replace(/\.?$/, "."));
    return said.join(" ") || `The daemon's answer was ${answer.status}.`;
  }
  freshAt = Date.now();
  replace(fresh);
  return "";
}

async function renew() {
  renewing = true;
  missed = soon = false;
  const trouble = await fetchAgain();
  renewing = false;
  show(trouble);
  if (missed) {
    changed();
  } else if (trouble || !connected) {
    later();
  } else {
    pause = AGAIN;
  }
}

function changed() {
  if (renewing) {
    missed = true;
  } else if (!soon) {
    soon = true;
    clearTimeout(pending);
    pending = setTimeout(renew, SETTLE);
  }
}

function later() {
  if (!renewing && !soon) {
    clearTimeout(pending);
    pending = setTimeout(renew, pause);
    pause = Math.min(pause * 2, AT_LAST);
  }
}

function hear(kind, data) {
  if (kind === "progress") {
    move(JSON.parse(data));
  } else if (kind === "changed") {
    changed();
  } else if (kind === "hello" && connected !== true) {
    const broken = connected === false; // something may have been missed
    connected = true;
    if (broken) {
      changed();
    } else {
      show("");
    }
  } else if (kind === "lost" && connected !== false) {
    connected = false;
    show(stale.hidden ? "" : stale.querySelector("[data-reason]").textContent);
    later();
  }
}

// Where pages cannot share a line, each has its own, while it is seen.
function listenAlone() {
  const line = openLine(hear);
  const follow = () => {
    if (document.hidden) {
      line.close();
      connected = false;
    } else {
      line.connect();
    }
  };
  document.addEventListener("visibilitychange", follow);
  if (document.hidden) {
    follow();
  }
}

function listen() {
  if (!("SharedWorker" in window)) {
    listenAlone();
    return;
  }
  const worker = new SharedWorker(document.getElementById("line").src);
  worker.onerror = listenAlone;
  worker.port.onmessage = ({ data: [kind, data] }) => hear(kind, data);
  worker.port.postMessage("here");
  addEventListener("pagehide", () => worker.port.postMessage("gone"));
  addEventListener("pageshow", (event) => {
    if (event.persisted) { // out of the browser's memory of pages, as it was then
      connected = false;
      worker.port.postMessage("here");
      later();
    }
  });
}

listen();
setInterval(tellTimes, 30000);
