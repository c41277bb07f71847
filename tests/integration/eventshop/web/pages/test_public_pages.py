"""Public pages: home, status and error pages."""

from __future__ import annotations

import pytest
from django.test import Client

from eventshop.operations import status_view
from eventshop.operations.health_checks import ComponentHealth

pytestmark = pytest.mark.usefixtures("clean_database")


def test_the_front_door_is_open(client: Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "sessionid" not in page.cookies
    assert client.post("/").status_code == 405


def test_the_status_page_says_what_does_not_work_and_what_that_means(client: Client) -> None:
    page = client.get("/status/")
    assert (page.context["up"], page.context["fine"]) == (True, False)
    assert status_view.COMPONENT_TEXTS["projections"][1] in page.content.decode()


def test_a_part_that_nobody_described_is_shown_by_its_name() -> None:
    line = status_view._status_line(ComponentHealth("printers", False, "secret address"))
    assert (line.title, line.ok) == ("Printers", False)
    assert line.meaning and "secret" not in line.meaning


def test_an_unknown_page_is_a_404_that_leads_on(client: Client) -> None:
    page = client.get("/nowhere")
    assert page.status_code == 404
    assert '<a class="button" href="/">' in page.content.decode()


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do() -> None:
    page = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x", "password": "y"})
    assert page.status_code == 403
    assert "403_csrf.html" in {template.name for template in page.templates}


def test_pages_have_no_inline_script_and_no_inline_style(client: Client) -> None:
    for path in ("/", "/status/", "/nowhere"):
        text = client.get(path).content.decode()
        assert "<style" not in text and " style=" not in text and "<script>" not in text and " onclick" not in text
