"""`acknowledge_records` refuses what names no record, and an acknowledgement without a name or a reason."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

KNOWN = {"operator": "Ada", "reason": "a test of the network team"}


@pytest.mark.parametrize("text", ["3", "3@", "@1", "3@x", "3@1.5", "3@" + "9" * 19, "٣@1"])
def test_what_is_no_partition_and_offset_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="is not PARTITION@OFFSET, such as 3@1742"):
        call_command("acknowledge_records", text, **KNOWN)


@pytest.mark.parametrize("missing", KNOWN)
@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_an_operator_and_a_reason_are_needed(missing: str, text: str) -> None:
    with pytest.raises(CommandError, match=f"--{missing}: 1 to 200 characters are needed"):
        call_command("acknowledge_records", "3@1", **KNOWN | {missing: text})


def test_at_least_one_record_is_named() -> None:
    with pytest.raises(CommandError, match="PARTITION@OFFSET"):
        call_command("acknowledge_records", **KNOWN)


@pytest.mark.usefixtures("clean_database")
def test_without_kafka_it_says_what_it_needs() -> None:
    with pytest.raises(CommandError, match=r"DATABASE_URL.*EVENT_LOG_URL"):
        call_command("acknowledge_records", "3@1", **KNOWN)


@pytest.mark.usefixtures("clean_database")
def test_a_position_below_zero_is_refused() -> None:
    with pytest.raises(CommandError, match="0 or more, not -1"):
        call_command("verify_log", after=-1)
