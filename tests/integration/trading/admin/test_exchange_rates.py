"""Exchange rates: staff add them, and none changes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from trading.models import ExchangeRate

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_rate_is_added_by_staff_and_never_changed() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    page = reverse("admin:trading_exchangerate_add")
    values = {"base": "EUR", "quote": "USD", "rate": "1.0832", "at_0": "2026-11-30", "at_1": "12:00:00"}
    for wrong in ({"base": "euro"}, {"rate": "0"}, {"rate": "1e1"}):
        assert client.post(page, values | wrong).status_code == 200, wrong
    assert client.post(page, values).status_code == 302
    assert client.post(page, values).status_code == 200  # the same time again
    [rate] = ExchangeRate.objects.all()
    assert rate.recorded_by.startswith("staff:")
    change = reverse("admin:trading_exchangerate_change", args=[rate.pk])
    assert client.post(change, values | {"rate": "2"}).status_code == 403
    assert client.get(change).status_code == 200
