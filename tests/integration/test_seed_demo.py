"""A fresh shop is filled once."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Sum

from eventshop.store.models import StoredEvent
from projections.models import DailySales, OrderSummary
from tests.retail import project

pytestmark = pytest.mark.usefixtures("clean_database")


def seed() -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out)
    return out.getvalue()


def test_an_empty_store_is_filled_and_shows_every_state() -> None:
    assert seed().startswith("Demo data: ")
    project()
    assert set(OrderSummary.objects.values_list("status", flat=True)) == set(OrderSummary.Status.values)
    orders = OrderSummary.objects.aggregate(paid=Sum("paid"))["paid"]
    assert orders == DailySales.objects.aggregate(gross=Sum("gross"))["gross"] > 0


def test_a_store_with_events_is_left_alone() -> None:
    seed()
    before = StoredEvent.objects.count()
    assert seed() == "There are events already; the demo data is left out.\n"
    assert StoredEvent.objects.count() == before
