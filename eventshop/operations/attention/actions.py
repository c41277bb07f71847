"""What staff do about an item: acknowledge, snooze or assign it. Each is recorded in the operator log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from eventshop.core.errors import InvalidMessage
from eventshop.operations.attention import watch
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.operator_log import record_action
from eventshop.operations.staff_actors import staff_actor
from eventshop.runtime.database_clock import database_now

#: The longest that an item can be snoozed.
LONGEST_SNOOZE: Final = timedelta(days=30)


def acknowledge(item_id: int, *, actor: str, note: str = "") -> AttentionItem:
    """Say that somebody knows. Raises `InvalidMessage` for an item that is over."""
    values = {"acknowledged_at": database_now(), "acknowledged_by": actor, "snoozed_until": None}
    return _change(item_id, actor, "acknowledge", note, "", **values)


def snooze(item_id: int, duration: timedelta, *, actor: str, note: str = "") -> AttentionItem:
    """Hide an item for a while, or until it becomes worse. Raises `InvalidMessage`."""
    if not timedelta(0) < duration <= LONGEST_SNOOZE:
        raise InvalidMessage(f"snooze for at most {LONGEST_SNOOZE.days} days", duration=str(duration))
    until = database_now() + duration
    return _change(item_id, actor, "snooze", note, f"until {until:%Y-%m-%d %H:%M %Z}", snoozed_until=until)


def assign(item_id: int, assignee: str, *, actor: str, note: str = "") -> AttentionItem:
    """Name the member of staff (a staff actor) who looks after it. Raises `InvalidMessage`."""
    return _change(item_id, actor, "assign", note, f"to {assignee}", assigned_to=assignee)


def assign_to_name(item_id: int, name: str, *, actor: str, note: str = "") -> AttentionItem:
    """As `assign`, by the user name. Raises `InvalidMessage` unless that is an active member of staff."""
    login = User.objects.filter(username=name, is_staff=True, is_active=True).first()
    if login is None:
        raise InvalidMessage(f"no member of staff is named {name!r}", to=name)
    return assign(item_id, staff_actor(login), actor=actor, note=note)


def _change(item_id: int, actor: str, verb: str, note: str, result: str, **values: Any) -> AttentionItem:
    with transaction.atomic():
        item = AttentionItem.objects.select_for_update().filter(pk=item_id, cleared_at=None).first()
        if item is None:
            raise InvalidMessage("this is over: nothing needs attention any more", item=item_id)
        for name, value in {**values, **({"note": note[:500]} if note else {})}.items():
            setattr(item, name, value)
        item.save(update_fields=[*values, "note"])
        record_action(actor=actor, action=f"{verb} attention", target=item.title, reason=note, result=result)
    watch.forget_recent()
    return item
