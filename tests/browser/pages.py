"""A real browser at the admin, and what each page must be: no error, no accessibility violation, no sideways scroll."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

#: Quiet, sandboxed by the machine it runs on, and without a word to the outside.
LAUNCH = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync")
#: WCAG 2.2 AA and everything below it.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """A Chromium. Playwright keeps an event loop in this thread, where Django would refuse our own queries."""
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "on")
        opened = playwright.chromium.launch(executable_path=path, args=list(LAUNCH))
        yield opened
        opened.close()


class Visitor:
    """One window: a width, a colour scheme, and every complaint of the pages that were opened in it."""

    def __init__(self, page: Page, address: str, shots: Path) -> None:
        self.page, self.address, self.shots = page, address, shots
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", self._heard)
        page.on("response", self._answered)

    def open(self, path: str, name: str) -> None:
        self.page.goto(self.address + path)
        self.seen(name)

    def sign_in(self, username: str, password: str) -> None:
        self.open("/admin/login/", "sign-in")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("heading", name="Dashboard").wait_for()

    def seen(self, name: str) -> None:
        """Judge the page as it is now, and keep a picture of it."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("document.fonts.ready")
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)
        found = Axe().run(self.page, options={"runOnly": RULES}).response["violations"]
        assert not found, f"{name}: " + "; ".join(_told(violation) for violation in found)
        sideways = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert sideways <= 0, f"{name} scrolls sideways by {sideways} px"
        assert not self.complaints, self.complaints

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.url} answered {response.status}")


def _told(violation: dict[str, Any]) -> str:
    return f"{violation['id']} at {[node['html'][:200] for node in violation['nodes']][:3]}"
