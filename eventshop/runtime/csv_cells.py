"""Cells of CSV files that no spreadsheet reads as a formula."""

from __future__ import annotations

_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: object) -> str:
    """The text of a cell, with a quote in front where a spreadsheet would read it as a formula; None is empty."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_BEGINNINGS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
