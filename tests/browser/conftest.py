"""One browser for each worker of pytest-xdist, and for each test a window of its own, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Visitor, browser, serve

#: Of the windows, where a module has no `WIDTHS` of its own.
WIDTHS = (1200, 320)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "width" in metafunc.fixturenames:
        metafunc.parametrize("width", getattr(metafunc.module, "WIDTHS", WIDTHS))


@pytest.fixture(scope="package")
def chrome(chromium: str) -> Iterator[Browser]:
    """Not for the session: while Playwright runs, asyncio in this thread is blocked for tests of other folders."""
    with browser(chromium) as opened:
        yield opened


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    """The program behind a real port, with nothing in it."""
    with serve() as address:
        yield address


@pytest.fixture
def visitor(width: int, chrome: Browser, server: str) -> Iterator[Visitor]:
    context = chrome.new_context(viewport={"width": width, "height": 900})
    yield Visitor(context.new_page(), server)
    context.close()
