"""Compare the published values of a read model with its rows."""

from __future__ import annotations

from typing import Any

import msgspec

from eventshop.projections.read_model import ReadModel


def matches_row(value: bytes | None, row: dict[str, Any], model: type[ReadModel]) -> bool:
    """Whether this JSON has exactly the columns of this row that no erasure empties; money and times are text in it."""
    published = msgspec.json.decode(value) if value is not None else {}
    public = {name: column for name, column in row.items() if name not in model.erasable()}
    return published.keys() == public.keys() and all(
        msgspec.convert(published[name], type(column)) == column for name, column in public.items()
    )
