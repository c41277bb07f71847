// Keeps a live page up to date. Without this script the page is complete; the user reloads it.
// #live has the URL of its updates (data-live) and the mark that it shows (data-mark). Without data-live it is final.
const liveArea = () => document.querySelector("#live[data-live]");
// The polling interval if no stream is available: two seconds in the first minute, when most happens; then ten.
const startedAt = Date.now();
const pollInterval = () => (Date.now() - startedAt < 60000 ? 2000 : 10000);
let stream = null;
let timer = 0;
let failures = 0;

const updatesUrl = () => `${liveArea().dataset.live}?after=${liveArea().dataset.mark}`;

function openStream() {
  if (stream || document.hidden || !liveArea()) return;
  stream = new EventSource(updatesUrl());
  stream.addEventListener("message", refresh);
  stream.addEventListener("over", schedulePoll);
  // The browser reconnects a stream that broke off, but not one that was refused.
  stream.addEventListener("error", () => stream?.readyState === EventSource.CLOSED && schedulePoll());
}

function stop() {
  clearTimeout(timer);
  stream?.close();
  stream = null;
}

function schedulePoll() {
  stop();
  if (document.hidden) return;
  timer = setTimeout(poll, pollInterval() * Math.min(2 ** failures, 16));
}

async function poll() {
  if (!liveArea()) return;
  try {
    const response = await fetch(updatesUrl());
    if (response.status === 403 || response.status === 404) return; // the user is signed out
    if (response.status === 200) await refresh();
    failures = response.ok ? 0 : failures + 1;
  } catch {
    failures += 1;
  }
  schedulePoll();
}

async function refresh() {
  const response = await fetch(location.href, { redirect: "error" }).catch(() => null);
  if (!response?.ok) return schedulePoll();
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
  const current = liveArea();
  if (!fresh || !current) return;
  announce(current, fresh);
  // Keep the keyboard focus: the element with the same id, or the link with the same address, gets it again.
  const active = current.contains(document.activeElement) ? document.activeElement : null;
  const focused = active?.id ? `#${CSS.escape(active.id)}` : `a[href="${CSS.escape(active?.getAttribute("href") ?? "")}"]`;
  current.replaceChildren(...fresh.childNodes);
  for (const name of ["data-live", "data-mark"]) {
    fresh.hasAttribute(name) ? current.setAttribute(name, fresh.getAttribute(name)) : current.removeAttribute(name);
  }
  if (active) current.querySelector(focused)?.focus();
  if (!liveArea()) stop();
}

// For screen readers: puts the new state into #news, a live region that must stay in the document.
function announce(current, fresh) {
  const [before, now] = [current, fresh].map((part) => part.querySelector(".badge")?.textContent);
  const news = document.getElementById("news");
  if (news && now !== before) news.textContent = now;
}

// A hidden page needs no stream, and browsers open only six connections per host.
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : openStream()));
addEventListener("pagehide", stop);
addEventListener("pageshow", openStream);
openStream();
