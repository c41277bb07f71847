"""Signals within one process."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest

from eventshop.runtime.wake_signals import Channel, Waiter, wake_all
from eventshop.runtime.wake_signals import _deliver as deliver
from tests.support.waiting import DEADLINE_S, join_threads


@pytest.fixture
def waiter() -> Iterator[Waiter]:
    waiter = Waiter(Channel.INBOX, Channel.TIMERS)
    yield waiter
    waiter.close()


def test_a_signal_ends_a_wait(waiter: Waiter) -> None:
    results: list[bool] = []
    thread = Thread(target=lambda: results.append(waiter.wait(DEADLINE_S)))
    thread.start()
    deliver([Channel.TIMERS])
    join_threads(thread)
    assert results == [True]


def test_a_signal_before_a_wait_ends_it_at_once_and_only_one_wait(waiter: Waiter) -> None:
    deliver([Channel.INBOX, Channel.TIMERS])
    assert waiter.wait(DEADLINE_S)
    assert not waiter.wait(0)


def test_it_tells_once_which_channels_were_signalled(waiter: Waiter) -> None:
    deliver([Channel.INBOX, Channel.EVENTS])
    assert waiter.take_signalled() == {Channel.INBOX}
    assert not waiter.take_signalled()
    waiter.notify()
    assert not waiter.take_signalled()  # woken by its owner, who knows why


def test_signals_of_other_channels_and_unknown_ones_wake_nobody(waiter: Waiter) -> None:
    deliver([Channel.EVENTS, "channel-of-a-later-release"])
    assert not waiter.wait(0)


def test_everybody_can_be_woken_to_be_stopped(waiter: Waiter) -> None:
    wake_all()
    assert waiter.wait(DEADLINE_S)


def test_a_closed_waiter_receives_nothing(waiter: Waiter) -> None:
    waiter.close()
    wake_all()
    assert not waiter.wait(0)
