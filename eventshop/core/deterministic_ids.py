"""Ids that follow from words, the same today and after a crash; and the name of this process."""

from __future__ import annotations

import os
import socket
from typing import Final
from uuid import UUID, uuid5

#: Never changes: stored ids follow from it.
NAMESPACE: Final = UUID("6d0f3c1e-5a0b-5e0d-9f7a-2f6e5a0c4b11")


def derived_id(*words: str | int | UUID) -> UUID:
    """`uuid5(NAMESPACE, "customer:17850")` for `derived_id("customer", "17850")`.

    For things named by somebody else (a product code, an invoice number) and for commands that may be sent again.
    The first word says what is named; only the last one may hold a colon, or two names could give one id.
    """
    return uuid5(NAMESPACE, ":".join(map(str, words)))


def spoken(letter: str, named: UUID) -> str:
    """What people call something with this id: ten characters that nobody guesses, none that looks like another."""
    letters, number, text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", named.int, ""
    for _ in range(10):
        number, digit = divmod(number, len(letters))
        text += letters[digit]
    return f"{letter}-{text[:5]}-{text[5:]}"


def this_process() -> str:
    """A name for this process that an operator can find: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
