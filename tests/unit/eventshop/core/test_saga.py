"""A timer has one time to fire at, and it is a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.core.saga import StartTimer

SOON, NOON = timedelta(minutes=1), datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_timer_fires_after_a_time_or_at_one() -> None:
    assert StartTimer("count", after=SOON).due is None
    assert StartTimer("count", due=NOON).after is None


@pytest.mark.parametrize("times", [{}, {"after": SOON, "due": NOON}, {"due": NOON.replace(tzinfo=None)}])
def test_a_timer_without_one_moment_is_refused(times: dict[str, datetime | timedelta]) -> None:
    with pytest.raises(InvalidMessage, match="count"):
        StartTimer("count", **times)  # type: ignore[arg-type]
