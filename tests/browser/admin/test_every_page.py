"""Every page of the console, with a row of each model: clean for axe at both widths, and read without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser

from eventshop.web.permission_matrix import NEVER, Door, list_doors
from tests.browser.conftest import CONSOLE_WIDTHS
from tests.support.browser import Visitor, serve
from tests.support.doors import Console, World
from tests.support.staff import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database"), pytest.mark.long]

WIDE, PHONE = CONSOLE_WIDTHS
#: The walk is cut into so many tests.
PARTS: Final = 6
#: Files, scripts, and what opens no page by itself.
NO_PAGES: Final = ("csv/", "jsi18n", "logout", "saved-filters", "list-columns")


@pytest.fixture
def world(clean_database: None) -> World:
    return World()


@pytest.fixture
def server(world: World) -> Iterator[str]:
    with serve() as address:
        yield address


def page_doors() -> list[Door]:
    doors = [
        door
        for door in list_doors()
        if door.kind == "admin" and door.method == "GET" and NEVER not in door.rights.staff
        if not any(name in door.path for name in NO_PAGES)
    ]
    assert len(doors) > 150
    return doors


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_clean_and_read_without_scripts(part: int, chrome: Browser, world: World, server: str) -> None:
    session = sign_in(User.objects.create_superuser("ada"))
    console, problems = Console(world), []
    with_scripts, without = (
        chrome.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        for width, scripts in ((WIDE, True), (PHONE, False))
    )
    visitor, reader = Visitor(with_scripts.new_page(), server), Visitor(without.new_page(), server)
    visitor.use_session(session)
    reader.use_session(session)
    for door in page_doors()[part::PARTS]:
        answer = console.ask(session, door)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            assert answer.status_code in (200, 302), (door.path, answer.status_code)
            continue
        url = answer.wsgi_request.get_full_path()
        try:
            visitor.open(url, url.strip("/").replace("/", "-"))
            with visitor.narrowed(PHONE):
                visitor.check_page(url.strip("/").replace("/", "-"))
            reader.page.goto(server + url)
            heading, main = reader.page.locator("h1").first, reader.page.locator("#main, main").first
            assert heading.is_visible() and len(main.inner_text().strip()) > 20, f"{url} is empty without scripts"
        except AssertionError as problem:
            problems.append(str(problem).partition("\nassert")[0])
            visitor.complaints.clear()
            visitor.page.set_viewport_size({"width": WIDE, "height": 900})
    with_scripts.close()
    without.close()
    assert not problems, "\n".join(problems)
