"""Every page, found by its route, is a page: with a language, a main part and one heading of the first level."""

from __future__ import annotations

import pytest

from tests.support.doors import World
from tests.support.page_walk import LETTER, PageWalk
from tests.support.pages import find

pytestmark = pytest.mark.usefixtures("clean_database")


def test_every_route_leads_to_a_page_or_is_listed_with_the_reason() -> None:
    problems: dict[str, str] = {}
    for page in PageWalk(World()).pages():
        answer = page.client.get(page.url, headers={"accept": "text/html"})
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            problems[page.route] = f"{answer.status_code} {answer.headers.get('Location', '')}"
        elif page.route != LETTER and not (find(answer, lang="en-GB") and find(answer, id="main")):
            problems[page.route] = "it has no language or no main part"
        elif page.route != LETTER and answer.text.count("<h1") != 1:
            problems[page.route] = f"{answer.text.count('<h1')} headings of the first level"
        answer.close()
    assert not problems, problems
