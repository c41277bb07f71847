// Scripts of the console. A link marked `data-dialog` opens its page in a dialog; without scripts it is a normal link.
"use strict";

function dialog() {
  let box = document.getElementById("es-dialog");
  if (!box) {
    box = document.createElement("dialog");
    box.id = "es-dialog";
    box.className = "es-dialog";
    box.setAttribute("aria-labelledby", "confirm-title");
    document.body.append(box);
  }
  return box;
}

async function open(link) {
  const response = await fetch(link.href, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const content = page.getElementById("confirm");
  if (!response.ok || !content) {
    window.location.assign(link.href);
    return;
  }
  const box = dialog();
  box.replaceChildren(document.importNode(content, true));
  box.showModal();
  box.querySelector("input:not([type=hidden]), textarea, select, button")?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    open(link).catch(() => window.location.assign(link.href));
    return;
  }
  const box = event.target.closest("#es-dialog");
  if (box && (event.target === box || event.target.closest("[data-close]"))) {
    event.preventDefault();
    box.close();
  }
});

document.addEventListener("submit", (event) => {
  // Suppress a second submit. The command id makes one harmless if it happens nevertheless.
  const form = event.target.closest("#confirm form");
  if (form?.dataset.sent) event.preventDefault();
  else if (form) form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => document.querySelectorAll("#confirm form").forEach((form) => delete form.dataset.sent));

// Unfold's page has no main landmark for assistive technology.
document.addEventListener("DOMContentLoaded", () => document.getElementById("main")?.setAttribute("role", "main"));

// Submit the form when its slider is moved; without scripts the form's button does.
document.addEventListener("change", (event) => event.target.closest("[data-submit]")?.form.requestSubmit());

// A part marked `data-live` follows by itself: so many seconds later it is replaced by its newer version. A change of
// its state, such as the end of a job or `data-state`, loads the page: its buttons are others then.
function follow(part) {
  setTimeout(async () => {
    if (!part.isConnected) return;
    try {
      if (!document.hidden && !document.querySelector("#es-dialog[open]")) {
        const response = await fetch(window.location.href, { credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const newer = response.ok && page.getElementById(part.id);
        const state = (shown) => shown.dataset.state ?? shown.querySelector("[role=status]")?.dataset.testid;
        if (newer && state(newer) !== state(part)) return window.location.reload();
        if (newer) {
          const next = document.importNode(newer, true);
          part.replaceWith(next);
          part = next;
        }
      }
    } catch {
      // The server is away for a moment: the next round asks again.
    }
    if (part.dataset.live) follow(part);
  }, 1000 * part.dataset.live);
}
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live]").forEach(follow));

// A part of a page that follows by itself while it is seen; without scripts a reload does it.
document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[data-follow]")) {
    setInterval(async () => {
      if (document.hidden || document.querySelector("#es-dialog[open]") || part.contains(document.activeElement)) return;
      const response = await fetch(part.dataset.follow, { credentials: "same-origin" }).catch(() => null);
      if (!response?.ok || response.redirected) return;
      const isOpen = part.querySelector("details")?.open;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      part.replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
      if (isOpen) part.querySelector("details")?.setAttribute("open", "");
    }, 15000);
  }
});

// Copy what a short id stands for.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  const icon = button.querySelector(".material-symbols-outlined");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    icon.textContent = "check";
  } catch {
    icon.textContent = "block";
  }
  setTimeout(() => (icon.textContent = "content_copy"), 1500);
});

// A tree folds: each node with others below it has a button. A large tree begins folded below the third level.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll(".es-tree")) {
    const rows = [...table.tBodies[0].rows];
    const level = (row) => Number(row.dataset.level);
    const show = () => {
      let foldedAt = Infinity;
      for (const row of rows) {
        row.hidden = level(row) > foldedAt;
        if (!row.hidden) foldedAt = row.dataset.folded ? level(row) : Infinity;
      }
    };
    rows.forEach((row, index) => {
      if (!rows[index + 1] || level(rows[index + 1]) <= level(row)) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "es-fold";
      button.dataset.testid = "fold";
      button.setAttribute("aria-label", "What followed from this");
      const set = (isFolded) => {
        row.dataset.folded = isFolded ? "yes" : "";
        button.setAttribute("aria-expanded", String(!isFolded));
      };
      button.addEventListener("click", () => {
        set(!row.dataset.folded);
        show();
      });
      set(rows.length > 100 && level(row) === 3 && !table.querySelector(".es-changed"));
      row.querySelector("th > div").prepend(button);
    });
    show();
  }
});
