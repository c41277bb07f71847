"""A real browser, and the checks of each page: no errors, no accessibility violations, no horizontal scrolling."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SHUT_RD, socket
from typing import Any, Final, Literal, cast

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connections
from django.test import Client
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.waiting import DEADLINE_S

#: Without Chromium's own sandbox (the machine is one) and without background network traffic.
LAUNCH = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync")
#: WCAG 2.2 AA and everything below it.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: Every page is checked in both colour schemes: with all rules in light, with the colour rules in dark.
SCHEMES: Final[dict[Literal["light", "dark"], list[str]]] = {
    "light": RULES,
    "dark": ["color-contrast", "link-in-text-block"],
}
_RUN_AXE = """async (rules) => {
  const result = await axe.run({runOnly: rules, resultTypes: ["violations"]});
  const places = (rule) => rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 200));
  return result.violations.map((rule) => `${rule.id} at ${places(rule)}`);
}"""
#: The largest size of a page with all its resources, in kB before compression.
MAX_WEIGHT_KB: Final = 150
_PAGE_WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0) / 1024"""
#: The layout shifts of a page that no input caused (the Cumulative Layout Shift of Web Vitals).
_LAYOUT_SHIFTS = """async () => {
  const shifts = [];
  const box = (rect) => [rect.x, rect.y, rect.width, rect.height].map(Math.round).join(" ");
  const add = (list) => list.getEntries().filter((shift) => !shift.hadRecentInput).forEach((shift) => shifts.push(
    `${shift.value} after ${Math.round(shift.startTime)} ms: ` + shift.sources.map(
      ({node, previousRect, currentRect}) => `${node?.outerHTML ?? node?.textContent ?? "something gone"}`.slice(0, 100)
        + ` from ${box(previousRect)} to ${box(currentRect)}`).join("; ")));
  new PerformanceObserver(add).observe({type: "layout-shift", buffered: true});
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return shifts;
}"""
_SET_ADMIN_THEME = "dark => document.documentElement.classList.toggle('dark', dark)"
_OVERFLOW_X = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .slice(-3).map((element) => element.outerHTML.slice(0, 200))"""


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """Launch Chromium. Playwright runs an event loop in this thread, in which Django must allow synchronous queries."""
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "on")
        expect.set_options(timeout=DEADLINE_S * 1_000)
        chromium = playwright.chromium.launch(executable_path=path, args=list(LAUNCH), timeout=DEADLINE_S * 1_000)
        chromium.on("context", lambda context: context.set_default_timeout(DEADLINE_S * 1_000))
        yield chromium
        chromium.close()


class Server(ThreadedWSGIServer):
    """Waits at its end for the requests in progress: they must not write into the next test's database."""

    daemon_threads = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections: list[socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        for connection in self._connections:
            with suppress(OSError):  # already closed
                connection.shutdown(SHUT_RD)  # no further request on an idle connection
        super().server_close()


class ServerThread(LiveServerThread):
    server_class = Server


@contextmanager
def serve() -> Iterator[str]:
    """Serve the application on a real port of this process; yields its address."""
    # The browser tests' conftest is imported before the apps are ready; the application needs their models.
    from eventshop.web.live.sse_response import WsgiApplication

    thread = ServerThread("127.0.0.1", cast(Any, lambda _: StaticFilesHandler(WsgiApplication())))
    thread.start()
    assert thread.is_ready.wait(DEADLINE_S)
    if thread.error:
        raise thread.error
    try:
        yield f"http://127.0.0.1:{thread.port}"
    finally:
        thread.terminate()
        connections.close_all()


class Visitor:
    """A browser window; collects the console errors and failed responses of its pages as `complaints`."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.screenshots = Path(os.environ["SHOTS"]) if os.environ.get("SHOTS") else None
        self.complaints: list[str] = []
        #: With which rules in which colours; the page stays in the first.
        self.schemes = SCHEMES
        self.expected_status = 200  # the next page may have this status without a complaint
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", self._record_console_error)
        page.on("response", self._record_failed_response)

    def open(self, path: str, name: str, *, status: int = 200) -> None:
        """Open the path and check the page, which must have this status."""
        self.expected_status = status
        response = self.page.goto(self.address + path)
        assert response is not None and response.status == status, f"{path} answered {response and response.status}"
        if not path.startswith("/admin/"):  # whose theme is Unfold's
            weight, shifts = self.page.evaluate(_PAGE_WEIGHT), self.page.evaluate(_LAYOUT_SHIFTS)
            assert 1 < weight < MAX_WEIGHT_KB, f"{name} weighs {weight:.0f} kB"
            assert not shifts, f"{name} moves while it loads: {shifts}"
        self.check_page(name)
        self.expected_status = 200

    def sign_in(self, username: str, password: str) -> None:
        self.open("/admin/", "sign-in")  # redirects to the form, and back
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("heading", name="Dashboard").wait_for()

    def use_session(self, client: Client) -> None:
        """Use the session of a signed-in client."""
        session = client.cookies["sessionid"].value
        self.page.context.add_cookies([{"name": "sessionid", "value": session, "url": self.address}])

    def check_page(self, name: str) -> None:
        """Check the current page in its `schemes`; the environment variable SHOTS names a folder for screenshots."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("document.fonts.ready")
        if self.page.evaluate("!window.axe"):  # not yet checked, in a wider window
            # The page's content security policy forbids adding the script as a tag.
            self.page.evaluate(AXE_SCRIPT)
        for scheme, rules in self.schemes.items():
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if "/admin/" in self.page.url:
                # The admin's theme reads the colour scheme only when the page loads.
                self.page.evaluate(_SET_ADMIN_THEME, scheme == "dark")
            if self.screenshots:
                self.page.screenshot(path=self.screenshots / f"{name}-{self.width}-{scheme}.png", full_page=True)
            violations = self.page.evaluate(_RUN_AXE, rules)
            assert not violations, f"{name}, {scheme}: " + "; ".join(violations)
        self.page.emulate_media(color_scheme=next(iter(self.schemes)))
        self.check_width(name)

    def check_width(self, name: str) -> None:
        """Check that the current page does not scroll sideways, and that nothing was wrong so far."""
        sideways = self.page.evaluate(_OVERFLOW_X)
        assert sideways <= 0, f"{name} scrolls sideways by {sideways} px: {self.page.evaluate(_TOO_WIDE)}"
        assert not self.complaints, self.complaints

    @contextmanager
    def narrowed(self, width: int) -> Iterator[None]:
        """Make the window of the current page this wide for the duration of the block."""
        before = self.page.viewport_size
        assert before
        self.page.set_viewport_size({"width": width, "height": before["height"]})
        yield
        self.page.set_viewport_size(before)

    def expect_success(self, value: str = "") -> None:
        """Wait for a message that something was done, with this value in it."""
        # Of the pages for customers, and of the admin's theme.
        messages = self.page.locator(".notice.success, div.text-green-700")
        expect(messages.filter(has_text=value).first).to_be_visible()

    @property
    def width(self) -> int:
        size = self.page.viewport_size
        return size["width"] if size else 0

    def _record_console_error(self, message: Any) -> None:
        if message.type == "error" and f"status of {self.expected_status} " not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _record_failed_response(self, response: Any) -> None:
        if response.status >= 400 and response.status != self.expected_status:
            self.complaints.append(f"{response.url} answered {response.status}")
