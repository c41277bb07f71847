"""State comparison and replays in a real browser: accessible, usable by keyboard, with addresses that can be shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from eventshop.operations.tamper_evidence.signed_roots import sign_new_roots
from eventshop.projections import replays
from eventshop.projections.models import Checkpoint
from tests.support.browser import Visitor, serve
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import PASSWORD, record_sales

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

sale = Sale(1)
#: Of the windows in which staff work.


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    User.objects.create_superuser("ada", password=PASSWORD)
    record_sales(sale)
    append(sale.order_id, sale.shipped)
    sign_new_roots()
    with serve() as address:
        yield address


@pytest.mark.phone_first
def test_read_models_as_they_were_are_asked_for_and_read(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    page = visitor.page
    visitor.open("/admin/projection_engine/replay/", "asked-for")
    visitor.open("/admin/projection_engine/replay/new/?projection=order-summary", "as-of")
    page.get_by_label("As of", exact=True).fill("2999-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_test_id("replay-requested")).to_be_visible()
    for job in replays.pending_replays():
        replays.run_replay(job)
    expect(page.get_by_test_id("replay-done")).to_be_visible()  # the page reloads by itself
    expect(page.get_by_role("cell", name="SHIPPED")).to_be_visible()
    visitor.open(page.url.partition(visitor.address)[2], "rows")
    visitor.open(f"/admin/projection_engine/checkpoint/{Checkpoint.objects.latest('pk').pk}/rebuild", "rebuild")


@pytest.mark.phone_first
def test_the_past_of_a_stream_is_stepped_through_by_keys(visitor: Visitor) -> None:
    visitor.sign_in("ada", PASSWORD)
    page = visitor.page
    for name, path in {
        "roots": "/admin/ops/signedroot/",
        "root": "/admin/ops/signedroot/1/change/",
        "past": f"/admin/ops/stream/{sale.order_id}/past/?to=2&since=1",
    }.items():
        visitor.open(path, name)
    shown = page.get_by_test_id("shown-version")
    expect(page.locator("#to")).to_have_attribute("max", "3")
    expect(shown).to_have_attribute("data-version", "2")
    page.locator("#to").press("ArrowRight")
    expect(shown).to_have_attribute("data-version", "3")
    assert "to=3" in page.url
    page.get_by_role("link", name="Previous version").click()
    expect(shown).to_have_attribute("data-version", "2")
