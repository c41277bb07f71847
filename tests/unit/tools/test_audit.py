"""The audit of packages says what it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from tools.audit import report

SAFE = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "status", "words"),
    [
        ([SAFE], 0, "1 packages"),
        ([SAFE, BAD, UNKNOWN], 1, "b 2: PYSEC-1, mended in 2.1"),
        ([SAFE, UNKNOWN], 2, "NOT AUDITED: 1 of 2"),
        ([], 2, "NOT AUDITED: Nothing"),
    ],
    ids=["safe", "vulnerable", "partly unknown", "unreachable"],
)
def test_the_report_of_an_audit(dependencies: list[dict[str, Any]], status: int, words: str) -> None:
    found, lines = report(dependencies)
    assert found == status
    assert words in " ".join(lines)
