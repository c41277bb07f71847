"""The status of an erasure as a REST resource, for clients that have its link."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Instant
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rights import Audience, Rights
from eventshop.privacy.models import Certificate, Erasure
from eventshop.web.api.base_view import ApiView
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.shared.errors import NotFound
from users.application.customer_adapter import load_person
from users.application.erasure_links import person_from_token
from users.domain.user import Status
from users.pages.erasure_views import erasure_steps


class ErasureState(StrEnum):
    """The state of an erasure."""

    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    TAKEN_BACK = "taken back"


class ErasureProgressStep(Struct, frozen=True):
    """One step of an erasure; `done_at` is null until it is done."""

    what: str
    done_at: Instant | None


class ErasureProgress(Struct, frozen=True):
    """The progress of an erasure. It can be cancelled until `due_at`; `certificate_id` is set at the end."""

    person_id: UUID
    state: ErasureState
    due_at: Instant | None
    steps: list[ErasureProgressStep]
    certificate_id: UUID | None
    certified_at: Instant | None


class ErasureStatus(ApiView):
    """The status of an erasure. Needs no authentication, because an erased person cannot sign in."""

    access = NotLogged("the steps of an erasure, for whoever has its link")
    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.LINK)}
    authentication_classes = ()
    permission_classes = ()
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": ErasureProgress}

    def get(self, request: Request, token: str) -> Response:
        """Poll until `state` is `done`."""
        refuse_unknown_parameters(request, ())
        person_id = person_from_token(token)
        if person_id is None:
            raise NotFound
        return Response(msgspec.to_builtins(erasure_progress(person_id)))


def erasure_progress(person_id: UUID) -> ErasureProgress:
    certificate = Certificate.objects.filter(subject=person_id).first()
    erasure = Erasure.objects.filter(subject=person_id).first()
    state = load_person(person_id).state
    steps = erasure_steps(erasure) if erasure else []
    return ErasureProgress(
        person_id=person_id,
        state=_state(state.status, certified=certificate is not None),
        due_at=state.due_at if state.status is Status.LEAVING else None,
        steps=[ErasureProgressStep(what=step.label, done_at=step.done_at) for step in steps],
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
