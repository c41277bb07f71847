"""Batches are halved after a time-out or for a refused record, and grow again after each success."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError

from eventshop.messaging.relay.batch_limit import BatchLimit

TOO_LARGE = MessageSizeTooLargeError()


def test_a_batch_that_timed_out_is_halved_down_to_one_record_and_grows_again() -> None:
    limit = BatchLimit(1_000, 8_000_000)
    sizes = []
    for _ in range(11):
        assert not limit.shrink(KafkaTimeoutError(), limit.records, 5_000)
        sizes.append((limit.records, limit.bytes))
    assert sizes[:3] == [(500, 4_000_000), (250, 2_000_000), (125, 1_000_000)]
    assert sizes[-1] == (1, 8_000)
    grown = []
    while limit.records < 1_000:
        limit.grow(1)
        grown.append(limit.records)
    assert grown == sorted(set(grown)) and grown[:4] == [2, 3, 4, 5]
    assert (limit.records, limit.bytes) == (1_000, 8_000_000)


def test_half_of_what_was_sent_is_allowed_not_half_of_what_was_allowed() -> None:
    limit = BatchLimit(1_000, 8_000_000)
    limit.shrink(KafkaTimeoutError(), 10, 10)
    assert limit.records == 5


@pytest.mark.parametrize("refused", [1, 7, 333, 1_000])
def test_a_refused_record_is_alone_after_few_attempts_and_all_before_it_are_published(refused: int) -> None:
    limit, position, attempts = BatchLimit(1_000, 8_000_000), 0, 0
    while True:
        attempts += 1
        end = min(position + limit.records, 1_000)
        if position < refused <= end:
            if limit.shrink(TOO_LARGE, end - position, end):
                break
        else:
            position = end
            limit.grow(position)
    assert position == refused - 1
    assert attempts <= 22


def test_it_grows_again_behind_the_record_that_was_refused() -> None:
    limit = BatchLimit(1_000, 8_000_000)
    limit.shrink(TOO_LARGE, 8, 108)
    limit.grow(107)
    assert limit.records == 4
    limit.grow(108)
    assert limit.records == 5


def test_other_errors_leave_it_as_it_is() -> None:
    limit = BatchLimit(1_000, 8_000_000)
    assert not limit.shrink(KafkaConnectionError(), 1, 1)
    assert limit.records == 1_000
