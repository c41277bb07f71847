"""What to call somebody or something that has only an id: short, the same everywhere, and never a personal value."""

from __future__ import annotations

from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.search import as_uuid

#: The end of an id tells it from others; the beginning of one made lately is only the time.
LETTERS = 8


def called(kind: str, identity: UUID | str) -> str:
    """`Customer 1a2b3c4d`: to be read. The page it leads to has the whole id."""
    return f"{kind} {str(identity)[-LETTERS:]}"


def by_text(actor: str) -> str:
    """Who did something: a login of the staff, a part of the program, or a customer, who is an id and no name."""
    return called("Customer", actor) if as_uuid(actor) else actor


def by(actor: str) -> str | SafeString:
    """The same with the whole id to hand."""
    text = by_text(actor)
    return actor if text == actor else format_html('<span title="{}">{}</span>', actor, text)
