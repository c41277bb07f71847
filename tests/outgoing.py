"""Comparing what was published of a read model with its rows."""

from __future__ import annotations

from typing import Any

import msgspec


def tells(value: bytes | None, row: dict[str, Any]) -> bool:
    """Whether this JSON has each column of this row, exactly; money and times are text in it."""
    said = msgspec.json.decode(value) if value is not None else {}
    return said.keys() == row.keys() and all(
        msgspec.convert(said[name], type(column)) == column for name, column in row.items()
    )
