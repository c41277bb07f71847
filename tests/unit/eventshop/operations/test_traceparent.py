"""The traceparent header (W3C Trace Context) of a request: trace id and flags, or nothing."""

from __future__ import annotations

import pytest

from eventshop.operations.request_log import parse_traceparent

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_trace_id_and_flags_are_read(flags: str) -> None:
    assert parse_traceparent(f" 00-{TRACE}-{PARENT}-{flags} ") == (TRACE, flags)


def test_a_later_version_may_have_more_fields() -> None:
    assert parse_traceparent(f"01-{TRACE}-{PARENT}-01-more") == (TRACE, "01")
    assert parse_traceparent(f"00-{TRACE}-{PARENT}-01-more") is None


@pytest.mark.parametrize(
    "header",
    ["", "garbage", f"00-{TRACE[:-1]}-{PARENT}-01", f"00-{TRACE.upper()}-{PARENT}-01", f"00-{TRACE}-{PARENT}"],
)
def test_anything_else_is_treated_as_missing(header: str) -> None:
    assert parse_traceparent(header) is None
