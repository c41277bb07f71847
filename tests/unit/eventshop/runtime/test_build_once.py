"""Threads that ask for the first time at the same time share one object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

from eventshop.runtime.build_once import BuildOnce


def test_two_threads_that_ask_first_at_the_same_time_get_one_object() -> None:
    both_build = Barrier(2)

    @BuildOnce
    def build(name: str) -> object:
        try:
            both_build.wait(timeout=0.1)  # a second builder would come here while the first one still builds
        except BrokenBarrierError:
            return object()
        raise AssertionError(f"{name} is built twice")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(build, ["gateway", "gateway"])
    assert first is second


def test_an_object_is_built_for_each_address_and_again_once_it_was_forgotten() -> None:
    build = BuildOnce(lambda url: [url])
    first = build("a")
    assert build("a") is first
    assert build("b") == ["b"]
    build.forget()
    assert build("a") == first
    assert build("a") is not first
