"""What the library's own finders find: pages, actions, event types, events, streams, commands and sagas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from django.contrib.admin import site
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.find.finders import MAX_HITS, Finder, Hit, Query
from eventshop.admin_console.list_filters import event_types_of
from eventshop.admin_console.saga_timeline import saga_url
from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.sidebar import navigation
from eventshop.core.message_registry import registry
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.projections.short_ids import parse_short_id, with_short_id
from eventshop.sagas.models import Saga

#: A number as people copy it: plain, or with thousands marks of any country.
_NUMBER: Final = re.compile(r"#?(\d{1,18}|\d{1,3}([ ,.'_\u00a0\u2009\u202f]\d{3}){1,5})")


def parse_position(text: str) -> int | None:
    """A position: `1234567`, `1,234,567`, `1 234 567` or `#1.234.567`; None for any other text."""
    if not text.isascii() and not _NUMBER.fullmatch(text):
        return None
    digits = re.sub(r"\D", "", text)
    return int(digits) if _NUMBER.fullmatch(text) and digits.isascii() else None


def find_pages(query: Query) -> Iterator[Hit]:
    """Entries of the sidebar, by a part of their title or of their section's."""
    text = query.text.casefold()
    for section in navigation(query.request):
        for item in section["items"]:
            if text in f"{section['title']} {item['title']}".casefold() and item["permission"](query.request):
                yield Hit(str(item["title"]), f"Page, {section['title']}", str(item["link"]))


def find_actions(query: Query) -> Iterator[Hit]:
    """Buttons and list actions, by a part of their text; most lead to the list of the rows that they act on."""
    text, request = query.text.casefold(), query.request
    for model, model_admin in site._registry.items():
        if not model_admin.has_view_permission(request):
            continue
        options = model._meta
        listed = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        for name, method in _actions_of(model_admin):
            description = str(getattr(method, "short_description", name))
            if text not in description.casefold() or not _is_allowed(model_admin, method, request):
                continue
            if name in getattr(model_admin, "actions_list", ()):
                yield Hit(description, "Action", reverse(f"admin:{options.app_label}_{options.model_name}_{name}"))
            else:
                yield Hit(description, f"Action: choose it for {options.verbose_name_plural}", listed)


def _actions_of(model_admin: Any) -> Iterator[tuple[str, Any]]:
    for name in (*model_admin.actions_list, *model_admin.actions_detail):
        if isinstance(name, str):
            yield name, getattr(model_admin, name)
    for function, name, _ in model_admin._get_base_actions():
        if name != "delete_selected":
            yield name, function


def _is_allowed(model_admin: Any, method: Any, request: Any) -> bool:
    asked = getattr(method, "allowed_permissions", None) or ()
    return all(getattr(model_admin, f"has_{name}_permission")(request) for name in asked)


def find_event_types(query: Query) -> Iterator[Hit]:
    """Types of events and of aggregates, by a part of the name: their events in the list."""
    text, events = query.text.replace(" ", "").casefold(), reverse("admin:store_storedevent_changelist")
    for aggregate in sorted(registry.aggregates):
        if text in aggregate.casefold():
            yield Hit(aggregate, "Aggregate type: its events", f"{events}?{urlencode({'aggregate': aggregate})}")
        for name in event_types_of(aggregate):
            if text in name.casefold():
                yield Hit(name, f"Event type of {aggregate}: its events", f"{events}?{urlencode({'type': name})}")


def find_events(query: Query) -> Iterator[Hit]:
    """An event by its position or id, and a correlation by its id."""
    identity, position = parse_uuid(query.text), parse_position(query.text)
    if position is not None:
        yield from _event_hits(StoredEvent.objects.filter(position=position))
    if identity is not None:
        yield from _event_hits(StoredEvent.objects.filter(event_id=identity))
        if StoredEvent.objects.filter(correlation_id=identity).order_by().exists():
            yield Hit(str(identity), "Correlation", reverse("admin:correlation", args=(identity,)))


def _event_hits(events: QuerySet[StoredEvent]) -> Iterator[Hit]:
    for event in events.only("position", "event_type", "aggregate_type", "aggregate_id", "version"):
        about = f"Event: {short_name(event.aggregate_type, event.aggregate_id)}, version {event.version}"
        yield Hit(f"{event.event_type} at {event.position:,}", about, event_url(event.position))


def find_streams(query: Query) -> Iterator[Hit]:
    """A stream by its id."""
    identity = parse_uuid(query.text)
    first = StoredEvent.objects.filter(aggregate_id=identity, version=1).first() if identity else None
    if first is not None:
        title = short_name(first.aggregate_type, first.aggregate_id)
        yield Hit(title, "Stream: all its events", reverse("admin:ops_stream_change", args=(first.aggregate_id,)))


def find_receipts(query: Query) -> Iterator[Hit]:
    """A command by its id."""
    identity = parse_uuid(query.text)
    receipt = StoredReceipt.objects.filter(command_id=identity).first() if identity else None
    if receipt is not None:
        yield Hit(
            receipt.command_type, "Command", reverse("admin:store_storedreceipt_change", args=(receipt.command_id,))
        )


def find_sagas(query: Query) -> Iterator[Hit]:
    """A saga by its id, the end of it as lists print it, or the id of what it is about."""
    identity, suffix = parse_uuid(query.text), parse_short_id(query.text)
    sagas = Saga.objects.none()
    if identity is not None:
        sagas = Saga.objects.filter(pk=identity) | Saga.objects.filter(subject_id=identity)
    elif suffix is not None:
        sagas = with_short_id(Saga.objects.all(), "saga_id", suffix)
    for saga in sagas.only("kind", "status")[: MAX_HITS + 1]:
        yield Hit(short_name(saga.kind, saga.pk), f"Saga, {saga.get_status_display()}", saga_url(saga.pk))


FINDERS: Final = (
    Finder(kind="Pages", icon="web", find=find_pages),
    Finder(kind="Actions", icon="touch_app", find=find_actions),
    Finder(kind="Events", icon="bolt", find=find_events, permissions=("store.view_storedevent",)),
    Finder(kind="Streams", icon="timeline", find=find_streams, permissions=("ops.view_stream",)),
    Finder(kind="Commands", icon="receipt_long", find=find_receipts, permissions=("store.view_storedreceipt",)),
    Finder(kind="Sagas", icon="account_tree", find=find_sagas, permissions=("process.view_saga",)),
    Finder(kind="Event types", icon="label", find=find_event_types, permissions=("store.view_storedevent",)),
)
