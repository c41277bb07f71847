"""Values that lenient constructors accept or fail at; no edge may accept them or answer 500."""

from __future__ import annotations

from typing import Any, Final

#: Texts that are no decimals, though `Decimal()` accepts most of them.
HOSTILE_DECIMALS: Final = (
    "1E-999999999",
    "1E+999999999",
    "1e5",
    "1_0",
    " 1",
    "1 ",
    "1\n",
    "+1",
    "",
    "Infinity",
    "-Infinity",
    "NaN",
    "sNaN",
    "1.",
    ".5",
    "1,5",
    "0x10",
    "--1",
    "-",
    "\uff11",  # a fullwidth digit
    "\u0661",  # an Arabic-Indic digit
    "1\u200b",
    "9" * 21,
    "0." + "1" * 21,
    "9" * 5_000,
)
#: Texts that are no whole numbers, though `int()` or a form's field accepts most of them.
HOSTILE_INTEGERS: Final = (*HOSTILE_DECIMALS, "1.0")
#: Values of JSON that are no decimals.
HOSTILE_JSON_NUMBERS: Final[tuple[Any, ...]] = (*HOSTILE_DECIMALS, 0.1, 1e300, True, [], {}, 10**30, ["1"])
#: Texts that look empty, look like others, or reorder what is shown around them.
HOSTILE_TEXTS: Final = (
    "\u200b",
    "\u3164",
    "\u202eevil",
    "a\u2066b",
    "a\x00b",
    "a\x1bb",
    "\ufeff",
    "a\u200d",
    "\ue000",
    "\udc80",
)
