"""What a command printed, without its wording: the numbers, and the words that name things."""

from __future__ import annotations

import re


def numbers_in(text: object) -> list[int]:
    """The whole numbers that stand alone in a text, in order; `1,234` is one number, the digits of an id are none."""
    found = re.findall(r"(?<![\w.,:/-])\d+(?:,\d{3})*(?![\w/-])(?!\.\d)", str(text))
    return [int(number.replace(",", "")) for number in found]
