"""The return window closes some time after the delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from eventshop.core.saga import RefusedCommand, StartTimer, TimerFired
from eventshop.testing.given_when_then import given_events, given_saga
from orders.sagas.return_window_saga import ReturnWindow
from tests.unit.orders.domain.examples import close_window, delivered, shipped

closes = TimerFired("return-window")


def test_the_window_closes_thirty_days_after_the_delivery() -> None:
    given_saga(ReturnWindow).when(delivered).then(StartTimer("return-window", after=timedelta(days=30)))
    given_saga(ReturnWindow, delivered).goes_on()
    given_saga(ReturnWindow, delivered).when(closes).then(close_window).and_ended()


def test_a_delivery_that_is_reported_again_changes_nothing() -> None:
    given_saga(ReturnWindow, delivered).when(replace(delivered, observed=True)).then_nothing()


def test_an_order_that_is_cancelled_elsewhere_needs_no_window() -> None:
    refusal = RefusedCommand(close_window, "invalid-order-state", "it is cancelled")
    given_saga(ReturnWindow, delivered, closes).when(refusal).then_nothing().and_ended()


@pytest.mark.parametrize(("hours", "starts"), [(0, True), (2, False)])
def test_it_starts_with_a_delivery_of_now(hours: int, starts: bool) -> None:
    [told] = given_events(delivered).history
    meta = replace(told.meta, occurred_at=told.meta.recorded_at - timedelta(hours=hours))
    assert ReturnWindow.starts_with(delivered, meta) is starts
    assert not ReturnWindow.starts_with(shipped, told.meta)
