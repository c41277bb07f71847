"""What operators do about sagas, one or a group with one cause, from the admin, the command line and the API alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.db import transaction

from eventshop.core.errors import EventShopError, InvalidMessage
from eventshop.operations.operator_log import record_action
from eventshop.sagas import operator_actions
from eventshop.sagas.models import Saga
from eventshop.sagas.step_failures import FailureGroup, retry_now


def _retry_now(saga_id: UUID, *, actor: str, reason: str) -> None:
    retry_now([saga_id])


#: Retry: a suspended saga tries its failed step again. Retry now: a step that is retried anyway is due now.
VERBS: Final[dict[str, Callable[..., None]]] = {
    "retry": operator_actions.retry,
    "retry-now": _retry_now,
    "compensate": operator_actions.compensate,
    "resolve": operator_actions.resolve,
}


def act(saga_id: UUID, verb: str, *, actor: str, reason: str = "") -> None:
    """Do it and record it. Raises `SagaNotFound`, `ActionNotAllowed`, and `InvalidMessage` without a needed reason."""
    with transaction.atomic():
        VERBS[verb](saga_id, actor=actor, reason=reason)
        kind = Saga.objects.values_list("kind", flat=True).filter(pk=saga_id).first()
        record_action(actor=actor, action=f"{verb} saga", target=f"{kind} {saga_id}", reason=reason)


def verbs_of(group: FailureGroup) -> list[str]:
    """What can be done to the sagas of a group."""
    return ["retry" if group.is_suspended else "retry-now", "compensate", "resolve"]


def act_on_group(group: FailureGroup, verb: str, *, actor: str, reason: str) -> str:
    """Do it to each saga in its own transaction; returns how many, for one message and the operator log.

    Raises `InvalidMessage` without a reason, and for a verb that is not one of this group.
    """
    if not reason.strip():
        raise InvalidMessage("give a reason for this action")
    if verb not in verbs_of(group):
        raise InvalidMessage(f"{verb} is none of {', '.join(verbs_of(group))}", verb=verb)
    done, refused = 0, 0
    for saga_id in group.sagas:
        try:
            with transaction.atomic():
                VERBS[verb](saga_id, actor=actor, reason=reason)
        except EventShopError:  # it went on meanwhile, or another operator was first
            refused += 1
        else:
            done += 1
    result = f"{done:,} of {len(group.sagas):,} sagas" + (f"; {refused:,} no longer allow it" if refused else "")
    target = f"{group.kind}, {group.cause}"
    record_action(actor=actor, action=f"{verb} sagas", target=target, reason=reason, result=result)
    return result
