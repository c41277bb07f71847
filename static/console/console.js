// Scripts of the console. Links marked `data-dialog` open in a dialog. Without scripts they open as the page they are.
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
  const answer = await fetch(link.href, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const content = page.getElementById("confirm");
  if (!answer.ok || !content) {
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
  // The command id makes a second submit harmless; this makes it not happen.
  const form = event.target.closest("#confirm form");
  if (form?.dataset.sent) event.preventDefault();
  else if (form) form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => document.querySelectorAll("#confirm form").forEach((form) => delete form.dataset.sent));

// The skin has no main landmark to jump to.
document.addEventListener("DOMContentLoaded", () => document.getElementById("main")?.setAttribute("role", "main"));

// A slider that shows what it was moved to; without scripts there is a button beside it.
document.addEventListener("change", (event) => event.target.closest("[data-submit]")?.form.requestSubmit());
