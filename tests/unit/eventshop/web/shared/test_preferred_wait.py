"""`Prefer: wait=…` (RFC 7240) limits how long a read waits for the caller's last write."""

from __future__ import annotations

import pytest

from eventshop.web.shared.errors import InvalidHeader
from eventshop.web.shared.read_your_writes import MAX_WAIT_S, preferred_wait_s, wait_for_token


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=3", 3),
        ("respond-async, wait=3", 3),
        ("wait=0", 0),
        ("wait=9999", MAX_WAIT_S),
        ("await=3", 2),
        ("wait=soon", 2),
        ("", 2),
    ],
)
def test_the_preferred_wait_is_used_up_to_a_limit(header: str, seconds: float) -> None:
    assert preferred_wait_s({"Prefer": header}, default_s=2) == seconds


def test_without_a_token_nothing_is_awaited() -> None:
    assert wait_for_token({}, "order-summary")


@pytest.mark.parametrize("token", ["7", "0" * 32, f"{'0' * 32}-", f"{'g' * 32}-7", f"{'0' * 32}-7x"])
def test_a_malformed_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidHeader):
        wait_for_token({"Consistency-Token": token}, "order-summary")
