"""The access log in tests: everything that was read so far is written first."""

from __future__ import annotations

from eventshop.operations.access_log.writer import writer
from eventshop.operations.models import AccessRecord
from tests.support.waiting import DEADLINE_S


def accesses() -> list[AccessRecord]:
    """All records, in the order of reading."""
    assert writer.flush(DEADLINE_S)
    return list(AccessRecord.objects.order_by("at", "pk"))
