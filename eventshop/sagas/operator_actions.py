"""Operator actions: retry, compensate or resolve a saga. Each is an inbox message with its actor and reason."""

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
    """Try again what failed and process the deferred messages. Raises `ActionNotAllowed` unless it is suspended."""
    if _load_saga(saga_id).status != Saga.Status.SUSPENDED:
        raise ActionNotAllowed(saga=saga_id)
    _add_request(saga_id, InboxMessage.Kind.RETRY, actor, reason)


def compensate(saga_id: UUID, *, actor: str, reason: str) -> None:
    """Undo what the saga has done, as far as possible; the message that suspended it is skipped.

    Raises `ActionNotAllowed` for a resolved saga.
    """
    if _load_saga(saga_id).status == Saga.Status.RESOLVED:
        raise ActionNotAllowed(saga=saga_id)
    _add_request(saga_id, InboxMessage.Kind.COMPENSATE, actor, reason)


def resolve(saga_id: UUID, *, actor: str, reason: str) -> None:
    """Close the saga: a person has done the rest. It processes no more messages, and its open steps are given up."""
    _load_saga(saga_id)
    _add_request(saga_id, InboxMessage.Kind.RESOLVE, actor, reason)


def _load_saga(saga_id: UUID) -> Saga:
    row = Saga.objects.filter(pk=saga_id).first()
    if row is None:
        raise SagaNotFound(saga=saga_id)
    return row


def _add_request(saga_id: UUID, kind: InboxMessage.Kind, actor: str, reason: str) -> None:
    if not reason.strip():
        raise InvalidMessage("give a reason for this action")
    inbox.add_messages(
        [
            InboxMessage(
                saga_id=saga_id,
                slot=inbox.partition_for(saga_id),
                what=kind,
                name=kind.label,
                cause_id=new_id(),
                payload=msgspec.json.encode({"reason": reason.strip()[:200]}).decode(),
                actor=actor[:200],
                heard_at=timezone.now(),
            )
        ]
    )
