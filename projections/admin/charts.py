"""Data for Unfold's chart components."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal


def chart_data(label: str, points: Sequence[tuple[str, Decimal | None]]) -> str:
    """One series of (label, value) points as JSON; None leaves a gap."""
    dataset = {
        "label": label,
        "data": [None if value is None else float(value) for _, value in points],  # for drawing only, never for sums
        "backgroundColor": "var(--color-primary-600)",
        "borderColor": "var(--color-primary-600)",
        "maxBarThickness": 18,
    }
    return json.dumps({"labels": [text for text, _ in points], "datasets": [dataset]})
