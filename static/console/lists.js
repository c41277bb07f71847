// Lists for work: keys, exports with progress, events that follow; and the folding sidebar. After console.js.
"use strict";

// Keys of one letter, for lists: they do nothing while somebody types, in a dialog, or with a modifier, and can be
// switched off (WCAG 2.1.4), which also silences the theme's own "/".
const KEYS = [
  ["j", "next row"],
  ["k", "row before"],
  ["Enter", "open the row"],
  ["x", "choose the row for an action"],
  ["/", "search in this list"],
  ["Ctrl K", "find anything"],
  ["?", "show these keys"],
];
const keysAreOff = () => localStorage.getItem("keysAreOff") === "1";

function rowLinks() {
  const rows = document.querySelectorAll("#result_list tbody tr, #main .es-table tbody tr");
  return [...rows].map((row) => row.querySelector("th a[href], td a[href]")).filter((link) => link?.checkVisibility());
}

function step(by) {
  const links = rowLinks();
  const row = document.activeElement.closest("tr");
  const at = links.findIndex((link) => link.closest("tr") === row);
  links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

function showKeys() {
  const box = dialog();
  box.innerHTML = `<div class="es-form"><h2 id="confirm-title">Keys</h2><dl class="es-fields"></dl>
    <label class="es-check"><input type="checkbox"> Switch keys of one letter off in this browser</label>
    <p><button type="button" class="es-button" data-close>Close</button></p></div>`;
  for (const [key, meaning] of KEYS) {
    const [term, text, shown] = [document.createElement("dt"), document.createElement("dd"), document.createElement("kbd")];
    shown.textContent = key;
    text.textContent = meaning;
    term.append(shown);
    box.querySelector("dl").append(term, text);
  }
  const off = box.querySelector("input");
  off.checked = keysAreOff();
  off.addEventListener("change", () => localStorage.setItem("keysAreOff", off.checked ? "1" : "0"));
  box.showModal();
  box.querySelector("button").focus();
}

const ACTIONS = {
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement.closest("#result_list tr")?.querySelector("input.action-select")?.click(),
  "/": () => document.getElementById("searchbar")?.focus(),
  "?": showKeys,
};

window.addEventListener(
  "keydown",
  (event) => {
    const action = ACTIONS[event.key];
    if (!action || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], [role=dialog], dialog")) return;
    event.stopPropagation(); // the theme has "/" as well, and cannot be told that keys are off
    if (keysAreOff()) return;
    event.preventDefault();
    action();
  },
  true,
);
document.addEventListener("click", (event) => event.target.closest("[data-keys]") && showKeys());

// An export that says how far it is, and can be stopped; without scripts it is an ordinary download.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-export]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.running) return;
  const stop = new AbortController();
  const [shown, button] = [document.createElement("span"), document.createElement("button")];
  shown.setAttribute("role", "status");
  shown.dataset.testid = "export-progress";
  shown.textContent = "Exporting …";
  button.className = "es-button";
  button.type = "button";
  button.textContent = "Stop the export";
  button.addEventListener("click", () => stop.abort());
  link.parentElement.querySelector("[data-testid=export-progress]")?.remove();
  link.after(shown, button);
  link.dataset.running = "1";
  try {
    const response = await fetch(link.href, { credentials: "same-origin", signal: stop.signal });
    if (!response.ok || response.redirected) return window.location.assign(link.href);
    shown.textContent = await download(response, (rows, total) => {
      shown.textContent = `${rows.toLocaleString()} ${total ? `of ${total.toLocaleString()} ` : ""}rows`;
    });
  } catch {
    shown.textContent = stop.signal.aborted ? "The export is stopped: no file was saved." : "The export broke off: no file was saved. Try again.";
  } finally {
    button.remove();
    delete link.dataset.running;
  }
});

async function download(response, report) {
  const total = Number(response.headers.get("X-Rows"));
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "export.csv";
  const parts = [];
  let lines = 0;
  let reported = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    for (const byte of value) if (byte === 13) lines += 1; // a line of the file ends in CR LF
    if (Date.now() - reported > 500) {
      report(Math.max(lines - 1, 0), total);
      reported = Date.now();
    }
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return `${Math.max(lines - 1, 0).toLocaleString()} rows saved as ${name}.`;
}

// A list of events that follows: the server says that there are new events, and the list is asked again with its
// filters, at most once a second. It stops when it is paused, when the page is left, and when a right is withdrawn.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-tail]");
  if (!button) return;
  const status = button.parentElement.querySelector("[data-testid=tail-status]");
  let [isOn, stream, timer, isAsking, isMissed] = [false, null, 0, false, false];
  const address = () => `${button.dataset.tail}?after=${button.dataset.mark}`;
  const ENDED = "It ended: sign in again, or ask for the right to see events.";

  function show(text) {
    button.setAttribute("aria-pressed", String(isOn));
    status.textContent = text;
  }

  function stop(text) {
    isOn = false;
    clearTimeout(timer);
    stream?.close();
    stream = null;
    show(text);
  }

  function start() {
    isOn = true;
    show("Following new events");
    stream = new EventSource(address());
    stream.addEventListener("message", (event) => ask(event.data));
    stream.addEventListener("over", poll);
    stream.addEventListener("error", () => stream?.readyState === EventSource.CLOSED && poll());
  }

  // Where no stream is available the browser asks; it is also told so when it may not follow any more.
  async function poll() {
    stream?.close();
    stream = null;
    const response = await fetch(address(), { credentials: "same-origin" }).catch(() => null);
    if (!isOn) return;
    if (response?.redirected || response?.status === 403 || response?.status === 404) return stop(ENDED);
    if (response?.status === 200) ask(await response.text());
    timer = setTimeout(poll, 2000);
  }

  async function ask(mark) {
    if (mark) button.dataset.mark = mark;
    if (isAsking) {
      isMissed = true;
      return;
    }
    isAsking = true;
    const began = Date.now();
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      if (!response.ok || response.redirected) return stop(ENDED);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (isOn) replaceRows(page);
    } catch {
      // The server is away for a moment: the next event asks again.
    } finally {
      setTimeout(() => {
        isAsking = false;
        if (isMissed && isOn) {
          isMissed = false;
          ask();
        }
      }, Math.max(1000, 4 * (Date.now() - began)));
    }
  }

  function replaceRows(page) {
    const [current, newer] = [document.getElementById("result_list"), page.getElementById("result_list")];
    if (!newer || current?.contains(document.activeElement)) return; // a row has the keyboard: it must not move away
    if (!current) {
      const form = document.getElementById("changelist-form"); // with the message of an empty list
      return form.replaceWith(document.importNode(page.getElementById("changelist-form"), true));
    }
    const known = new Set([...current.querySelectorAll("tbody")].map(keyOf));
    const next = document.importNode(newer, true);
    const added = [...next.querySelectorAll("tbody")].filter((row) => !known.has(keyOf(row)));
    added.forEach((row) => row.classList.add("es-new"));
    current.replaceWith(next);
    const all = added.length === next.querySelectorAll("tbody").length ? "at least " : "";
    if (added.length) show(`Following: ${all}${added.length} new at ${new Date().toLocaleTimeString()}`);
  }

  const keyOf = (row) => row.querySelector("th a")?.getAttribute("href");
  button.addEventListener("click", () => (isOn ? stop("Paused") : start()));
  addEventListener("pagehide", () => stream?.close());
});

// Sections of the sidebar stay folded as they were left, but never the one of this page.
document.addEventListener("DOMContentLoaded", () => {
  const folded = new Set(JSON.parse(localStorage.getItem("foldedSections") ?? "[]"));
  for (const section of document.querySelectorAll("details[data-section]")) {
    const name = section.dataset.section;
    if (folded.has(name) && !("current" in section.dataset)) section.open = false;
    section.addEventListener("toggle", () => {
      section.open ? folded.delete(name) : folded.add(name);
      localStorage.setItem("foldedSections", JSON.stringify([...folded]));
    });
  }
});
