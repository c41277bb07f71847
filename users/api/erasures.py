"""How far an erasure has come, for programs that have its link."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Instant
from eventshop.privacy.models import Certificate, Erasure
from eventshop.web.api.base_view import ApiView
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.shared.errors import NotFound
from users.application.customer_adapter import load_person
from users.domain.user import Status
from users.pages.erasure_views import person_from_token, erasure_steps


class ErasureState(StrEnum):
    """Where an erasure stands."""

    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    TAKEN_BACK = "taken back"


class ErasureStep(Struct, frozen=True):
    """One step of the work, and when it was done."""

    what: str
    done_at: Instant | None


class ErasureProgress(Struct, frozen=True):
    """How far an erasure has come. Until `due_at` it can be taken back; `certificate_id` is there in the end."""

    person_id: UUID
    state: ErasureState
    due_at: Instant | None
    steps: list[ErasureStep]
    certificate_id: UUID | None
    certified_at: Instant | None


class ErasureStatus(ApiView):
    """An erasure, for whoever has its link: in the end nobody is left who could sign in."""

    authentication_classes = ()
    permission_classes = ()
    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": ErasureProgress}

    def get(self, request: Request, token: str) -> Response:
        """Ask until `state` is done."""
        refuse_unknown_parameters(request, ())
        leaver = person_from_token(token)
        if leaver is None:
            raise NotFound
        return Response(msgspec.to_builtins(erasure_progress(leaver)))


def erasure_progress(leaver: UUID) -> ErasureProgress:
    certificate = Certificate.objects.filter(subject=leaver).first()
    work = Erasure.objects.filter(subject=leaver).first()
    state = load_person(leaver).state
    return ErasureProgress(
        person_id=leaver,
        state=_state(state.status, certified=certificate is not None),
        due_at=state.due_at if state.status is Status.LEAVING else None,
        steps=[_step(it) for it in erasure_steps(work)] if work else [],
        certificate_id=certificate.certificate_id if certificate else None,
        certified_at=certificate.issued_at if certificate else None,
    )


def _state(status: Status, *, certified: bool) -> ErasureState:
    if certified:
        return ErasureState.DONE
    match status:
        case Status.LEAVING:
            return ErasureState.REQUESTED
        case Status.ACTIVE:
            return ErasureState.TAKEN_BACK
        case _:
            return ErasureState.RUNNING


def _step(told: dict[str, Any]) -> ErasureStep:
    return ErasureStep(str(told["words"]), told["at"])
