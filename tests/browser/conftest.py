"""One browser for each worker of pytest-xdist, and for each test a window of its own, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Visitor, browser, serve

#: Of the windows, a wide one and a phone's: of pages for customers, and of the console.
WIDTHS = (1200, 320)
CONSOLE_WIDTHS = (1280, 390)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both windows; of a test marked `phone_first` or `wide_first`, only that one in `make test`."""
    if "width" in metafunc.fixturenames:
        wide, narrow = CONSOLE_WIDTHS if "admin" in metafunc.definition.path.parts else WIDTHS
        long_after = {"phone_first": wide, "wide_first": narrow}
        long = {width for name, width in long_after.items() if metafunc.definition.get_closest_marker(name)}
        metafunc.parametrize(
            "width", [pytest.param(width, marks=pytest.mark.long if width in long else ()) for width in (wide, narrow)]
        )


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
