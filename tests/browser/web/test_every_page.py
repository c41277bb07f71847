"""Every page of the program in a real browser: accessible, still, light, and never wider than the window.

The short sibling asks for each page without a browser: tests/integration/eventshop/web/pages/test_every_page.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import Visitor, serve
from tests.support.doors import World
from tests.support.page_walk import PageWalk

#: A phone's window, besides those of all tests.
NARROW = 390
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def walk(clean_database: None) -> PageWalk:
    return PageWalk(World())


@pytest.fixture
def server(walk: PageWalk) -> Iterator[str]:
    with serve() as address:
        yield address


@pytest.mark.long
def test_every_page_is_clean(visitor: Visitor, walk: PageWalk) -> None:
    problems: dict[str, str] = {}
    for page in walk.pages():
        visitor.page.context.clear_cookies()
        if "sessionid" in page.client.cookies:
            visitor.use_session(page.client)
        try:
            visitor.open(page.url, page.route.replace("/", "-") or "start")
            assert visitor.page.url == visitor.address + page.url, f"it leads to {visitor.page.url}"
            if visitor.width > NARROW:
                with visitor.narrowed(NARROW):
                    visitor.check_page(f"{page.route.replace('/', '-')}-narrow")
        except AssertionError as problem:
            problems[page.route] = str(problem)
            visitor.complaints.clear()
    assert not problems, "\n".join(f"{route}: {problem}" for route, problem in problems.items())
