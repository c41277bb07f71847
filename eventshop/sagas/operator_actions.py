"""What a person can do about a saga: each wish is an input like any other, with who wished it and why."""

from __future__ import annotations

from uuid import UUID

import msgspec
from django.utils import timezone

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import new_id
from eventshop.sagas import inbox
from eventshop.sagas.errors import ActionNotAllowed, SagaNotFound
from eventshop.sagas.models import InboxMessage, Saga


def retry(saga_id: UUID, *, actor: str, reason: str) -> None:
    """Try again what failed, and let the saga hear what it could not. Raises `NothingToMend` unless it is stuck."""
    if _found(saga_id).status != Saga.Status.SUSPENDED:
        raise ActionNotAllowed(saga=saga_id)
    _ask(saga_id, InboxMessage.Kind.RETRY, actor, reason)


def compensate(saga_id: UUID, *, actor: str, reason: str) -> None:
    """Have it undo what it has done, as far as that goes; what made it stuck is passed over."""
    if _found(saga_id).status == Saga.Status.RESOLVED:
        raise ActionNotAllowed(saga=saga_id)
    _ask(saga_id, InboxMessage.Kind.COMPENSATE, actor, reason)


def resolve(saga_id: UUID, *, actor: str, reason: str) -> None:
    """Somebody has seen to the rest: it hears nothing any more, and its open steps are given up."""
    _found(saga_id)
    _ask(saga_id, InboxMessage.Kind.RESOLVE, actor, reason)


def _found(saga_id: UUID) -> Saga:
    row = Saga.objects.filter(pk=saga_id).first()
    if row is None:
        raise SagaNotFound(saga=saga_id)
    return row


def _ask(saga_id: UUID, what: InboxMessage.Kind, actor: str, reason: str) -> None:
    if not reason.strip():
        raise InvalidMessage("say why")
    inbox.add_messages(
        [
            InboxMessage(
                saga_id=saga_id,
                slot=inbox.partition_for(saga_id),
                what=what,
                name=what.label,
                cause_id=new_id(),
                payload=msgspec.json.encode({"reason": reason.strip()[:200]}).decode(),
                actor=actor[:200],
                heard_at=timezone.now(),
            )
        ]
    )
