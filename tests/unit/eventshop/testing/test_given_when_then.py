"""The test language fails when there is one event too many or too few, or another refusal."""

from __future__ import annotations

import pytest

from eventshop.core.errors import CommandRefused
from eventshop.testing.given_when_then import given, round_trip
from orders.domain.commands import CancelOrder
from orders.domain.order import Order
from tests.support.sales import Sale

SALE = Sale(1)
CANCEL = CancelOrder(SALE.order_id, "changed my mind")


def test_exactly_the_expected_events_pass() -> None:
    done = given(Order, SALE.created).when(CANCEL)
    done.then(*done.events)
    with pytest.raises(AssertionError):
        done.then()
    with pytest.raises(AssertionError):
        done.then(*done.events, *done.events)
    with pytest.raises(AssertionError):
        done.then_refused(CommandRefused)


def test_exactly_the_expected_refusal_passes() -> None:
    refused = given(Order).when(CANCEL)
    assert refused.refusal is not None
    refused.then_refused(type(refused.refusal))
    with pytest.raises(AssertionError):
        refused.then_refused(CommandRefused)
    with pytest.raises(AssertionError, match="refused"):
        refused.then_nothing()


def test_events_pass_through_the_codec() -> None:
    assert round_trip(SALE.created) == SALE.created
    assert round_trip(SALE.created) is not SALE.created
