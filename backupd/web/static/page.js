// Keeps an open page true: bars move as messages come, and what changed is fetched again. Nothing is asked for on a timer.
"use strict";

const SETTLE = 300; // milliseconds; several changes at once are one
const live = document.getElementById("live");
let pending = 0;

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

function show(state, words) {
  if (live.dataset.state !== state) {
    live.dataset.state = state;
    live.querySelector("[data-word]").textContent = words;
  }
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

async function renew() {
  pending = 0;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) {
    location.reload();
    return;
  }
  if (!answer.ok) {
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
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

function changed() {
  pending = pending || setTimeout(() => renew().catch(() => {}), SETTLE);
}

let seen = false;
const stream = new EventSource("/events");
stream.addEventListener("hello", () => {
  show("on", "live");
  if (seen) {
    changed(); // the line was broken: something may have been missed
  }
  seen = true;
});
stream.addEventListener("progress", (message) => move(JSON.parse(message.data)));
stream.addEventListener("changed", changed);
stream.addEventListener("error", () => show("off", "not connected"));
setInterval(tellTimes, 30000);
