// A page follows what happens. Without this script it is whole, and is reloaded by hand.
// #live says where to ask (data-live) and what it shows (data-mark); without data-live nothing more will happen.
const place = () => document.querySelector("#live[data-live]");
// Where no stream is to be had: every two seconds at first, when most happens; every ten after a minute.
const begun = Date.now();
const pause = () => (Date.now() - begun < 60000 ? 2000 : 10000);
let stream = null;
let timer = 0;
let failures = 0;

function listen() {
  if (stream || document.hidden || !place()) return;
  stream = new EventSource(`${place().dataset.live}?after=${place().dataset.mark}`);
  stream.addEventListener("message", show);
  stream.addEventListener("over", ask);
  // A stream that broke off is opened again by the browser; one that was refused is not.
  stream.addEventListener("error", () => stream?.readyState === EventSource.CLOSED && ask());
}

function rest() {
  clearTimeout(timer);
  stream?.close();
  stream = null;
}

function ask() {
  rest();
  if (document.hidden) return;
  timer = setTimeout(look, pause() * Math.min(2 ** failures, 16));
}

async function look() {
  if (!place()) return;
  try {
    const answer = await fetch(`${place().dataset.live}?after=${place().dataset.mark}`);
    if (answer.status === 403 || answer.status === 404) return; // nobody is signed in any more
    if (answer.status === 200) await show();
    failures = answer.ok ? 0 : failures + 1;
  } catch {
    failures += 1;
  }
  ask();
}

async function show() {
  const answer = await fetch(location.href, { redirect: "error" }).catch(() => null);
  if (!answer?.ok) return ask();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
  const old = place();
  if (!fresh || !old) return;
  tell(old, fresh);
  // Whoever has the keyboard inside keeps their place: the same link gets the focus again.
  const held = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.replaceChildren(...fresh.childNodes);
  for (const name of ["data-live", "data-mark"]) {
    fresh.hasAttribute(name) ? old.setAttribute(name, fresh.getAttribute(name)) : old.removeAttribute(name);
  }
  if (held) old.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
  if (!place()) rest();
}

// For those who hear pages: the new state. The place that says it has to stay where it is.
function tell(old, fresh) {
  const [before, now] = [old, fresh].map((part) => part.querySelector(".badge")?.textContent);
  const news = document.getElementById("news");
  if (news && now !== before) news.textContent = now;
}

// Nobody looks at a hidden page, and browsers open only six connections to one place.
document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
addEventListener("pagehide", rest);
addEventListener("pageshow", listen);
listen();
