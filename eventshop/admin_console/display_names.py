"""Short display names for what has only an id: the same on every page, and never personal data."""

from __future__ import annotations

from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.search import parse_uuid
from eventshop.operations.staff_actors import staff_name

#: The last characters of a UUIDv7 are random; the first ones are a timestamp and equal for ids of the same time.
ID_SUFFIX_LENGTH = 8


def short_name(kind: str, identity: UUID | str) -> str:
    """`Customer 1a2b3c4d`: a kind and the end of an id."""
    return f"{kind} {str(identity)[-ID_SUFFIX_LENGTH:]}"


def actor_name(actor: str) -> str:
    """The display name of an actor: the user name of staff, a component as it is, a customer by the end of the id."""
    return short_name("Customer", actor) if parse_uuid(actor) else staff_name(actor)


def actor_label(actor: str) -> str | SafeString:
    """As `actor_name`, as HTML with the whole id in the title."""
    text = actor_name(actor)
    return actor if text == actor else format_html('<span title="{}">{}</span>', actor, text)
