"""Calls to a server that fails, comes back, or takes its time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from eventshop.runtime.circuit_breaker import CircuitBreaker, CircuitOpen
from tests.support.waiting import DEADLINE_S, wait_until


class Server:
    """Fails as often as told, then answers; counts how often it was asked."""

    def __init__(self, fails: int) -> None:
        self.fails, self.asked = fails, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.fails:
            raise ConnectionError(f"no {self.asked}")
        return "yes"


def circuit_breaker(rest_s: float = 60) -> CircuitBreaker:
    return CircuitBreaker("server", failure_types=(ConnectionError,), failure_threshold=3, open_s=rest_s)


def test_a_call_that_may_be_repeated_survives_failures() -> None:
    server = Server(fails=2)
    assert circuit_breaker().call(server, attempts=3) == "yes"
    assert server.asked == 3


def test_a_call_is_made_once_unless_more_tries_are_asked_for() -> None:
    server = Server(fails=1)
    with pytest.raises(ConnectionError, match="no 1"):
        circuit_breaker().call(server)
    assert server.asked == 1


def test_the_last_failure_is_raised() -> None:
    with pytest.raises(ConnectionError, match="no 2"):
        circuit_breaker().call(Server(fails=5), attempts=2)


def test_what_is_not_the_servers_failure_is_neither_repeated_nor_counted() -> None:
    asked = []

    def mistaken() -> None:
        asked.append(1)
        raise KeyError("ours")

    door = circuit_breaker()
    for _ in range(10):
        with pytest.raises(KeyError):
            door.call(mistaken, attempts=3)
    assert len(asked) == 10 and not door.is_open


def test_a_server_that_is_busy_is_not_asked_again_at_once() -> None:
    server = Server(fails=100)
    door = CircuitBreaker("server", failure_types=(OSError,), no_retry_types=(ConnectionError,), failure_threshold=3)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            door.call(server, attempts=5)
    assert server.asked == 3 and door.is_open


def test_a_server_that_keeps_failing_is_left_alone() -> None:
    server, door = Server(fails=100), circuit_breaker()
    with pytest.raises((ConnectionError, CircuitOpen)):
        door.call(server, attempts=4)
    with pytest.raises(CircuitOpen, match="server"):
        door.call(server)
    assert server.asked == 3 and door.is_open


def test_a_success_in_between_starts_the_count_again() -> None:
    server, door = Server(fails=2), circuit_breaker()
    door.call(server, attempts=3)
    server.fails = 5
    with pytest.raises(ConnectionError):
        door.call(server)
    with pytest.raises(ConnectionError):
        door.call(server)
    assert not door.is_open


def test_a_rested_server_is_tried_again_and_trusted_when_it_answers() -> None:
    server, door = Server(fails=3), circuit_breaker(rest_s=0.2)
    with pytest.raises((ConnectionError, CircuitOpen)):
        door.call(server, attempts=3)
    wait_until(lambda: _answers(door, server), seen=lambda: f"asked {server.asked} times")
    assert not door.is_open and server.asked == 4


def test_while_one_tries_it_for_all_the_others_do_not_wait() -> None:
    server, door = Server(fails=3), circuit_breaker(rest_s=0.0)
    with pytest.raises((ConnectionError, CircuitOpen)):
        door.call(server, attempts=3)
    begun, goes_on = Event(), Event()

    def slow() -> str:
        begun.set()
        goes_on.wait(DEADLINE_S)
        return "yes"

    with ThreadPoolExecutor(1) as pool:
        trial = pool.submit(door.call, slow)
        assert begun.wait(DEADLINE_S)
        with pytest.raises(CircuitOpen):
            door.call(server)
        goes_on.set()
        assert trial.result(DEADLINE_S) == "yes"
    assert door.call(server) == "yes"


def test_an_answer_is_an_answer_though_others_failed_while_it_was_on_its_way() -> None:
    door, down = circuit_breaker(), Server(fails=10)

    def slow() -> str:
        for _ in range(3):
            with pytest.raises(ConnectionError):
                door.call(down)
        assert door.is_open
        return "yes"

    assert door.call(slow) == "yes"
    assert door.is_open


def test_calls_are_made_side_by_side() -> None:
    """Each call returns only when eight are in progress."""
    together, door = Barrier(8, timeout=DEADLINE_S), circuit_breaker()
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: door.call(together.wait), range(8))) == [*range(8)]


def _answers(door: CircuitBreaker, server: Server) -> bool:
    try:
        return door.call(server) == "yes"
    except CircuitOpen:
        return False
