"""Bars and lines as Unfold's chart components take them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal


def chart_data(label: str, points: Sequence[tuple[str, Decimal | None]]) -> str:
    """One series of values under their texts; a gap where there is no value."""
    dataset = {
        "label": label,
        "data": [None if value is None else float(value) for _, value in points],  # drawn, not counted with
        "backgroundColor": "var(--color-primary-600)",
        "borderColor": "var(--color-primary-600)",
        "maxBarThickness": 18,
    }
    return json.dumps({"labels": [text for text, _ in points], "datasets": [dataset]})
