"""Generators that run in processes of their own: what they yield, their errors, and that none of them is left."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from itertools import count, islice

import pytest

from eventshop.core.errors import BrokenStream
from eventshop.runtime.process_pool import ProcessLost, parallel_streams


def yield_numbers(first: int, end: str) -> Iterator[bytes]:
    """Yields two numbers, and then ends as it is told."""
    for number in count(first) if end == "never" else range(first, first + 2):
        yield b"%d" % number
    if end == "error":
        raise BrokenStream("no third number", number=first + 2)
    if end == "killed":
        os._exit(3)


def test_what_a_process_yields_and_its_error_arrive_and_it_is_gone() -> None:
    with parallel_streams(yield_numbers, [(5, "error")]) as [numbers]:
        assert [next(numbers), next(numbers)] == [b"5", b"6"]
        with pytest.raises(BrokenStream, match="no third number") as refusal:
            next(numbers)
    assert refusal.value.data == {"number": 7}
    assert multiprocessing.active_children() == []


@pytest.mark.long
def test_some_processes_end_one_is_killed_and_one_is_not_read_to_its_end() -> None:
    with parallel_streams(yield_numbers, [(1, "end"), (3, "killed"), (5, "never")]) as [ended, killed, endless]:
        assert list(ended) == [b"1", b"2"]
        assert list(islice(endless, 3)) == [b"5", b"6", b"7"]
        assert [next(killed), next(killed)] == [b"3", b"4"]
        with pytest.raises(ProcessLost) as loss:
            next(killed)
    assert loss.value.data["exit_status"] == 3
    assert multiprocessing.active_children() == []
