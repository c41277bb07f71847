"""Jobs, what needs attention, and sagas that are held up, as REST resources of operators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from rest_framework.request import Request

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.operations import periodic_jobs, saga_operations
from eventshop.operations.attention import actions, watch
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.job_list import listed_jobs, load_jobs, registered_sources
from eventshop.operations.models import PeriodicWork
from eventshop.sagas.errors import ActionNotAllowed, SagaNotFound
from eventshop.sagas.step_failures import find_group, group_failures
from eventshop.web.api.base_view import require_login
from eventshop.web.api.operations_schemas import (
    AttentionAction,
    AttentionState,
    AttentionStates,
    JobState,
    JobStates,
    OperatorReason,
    PeriodicJobState,
    PeriodicJobStates,
    SagaGroup,
    SagaGroupAction,
    SagaGroups,
)
from eventshop.web.api.operations_views import ActionView, ListView, fields_of, find_row
from eventshop.web.shared.errors import NotFound

#: Jobs and attention items in a list.
_LISTED: Final = 100


class Jobs(ListView):
    """Jobs of the kinds whose rows one may view: those that have not ended, then the newest."""

    right = "ops.view_periodicwork"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": JobStates}

    def results(self, request: Request) -> list[Any]:
        login = require_login(request)
        sources = [one for one in registered_sources() if login.has_perm(one.view_right)]
        return [
            msgspec.to_builtins(
                JobState(
                    job.source.kind,
                    job.key,
                    str(job.state),
                    job.facts.subject,
                    job.facts.done,
                    job.facts.total,
                    job.facts.unit,
                    job.facts.result,
                    job.since,
                )
            )
            for job in load_jobs(list(listed_jobs(sources)[:_LISTED]))
        ]


class PeriodicJobs(ListView):
    """All periodic jobs."""

    right = "ops.view_periodicwork"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": PeriodicJobStates}

    def results(self, request: Request) -> list[Any]:
        return [fields_of(row, PeriodicJobState) for row in PeriodicWork.objects.order_by("name")]


class PeriodicJobRun(ActionView):
    """Make a periodic job due now."""

    right = "ops.run_periodic_job"

    def act(self, body: OperatorReason, actor: str, *, name: str) -> str:
        try:
            periodic_jobs.request_run(name, actor=actor)
        except periodic_jobs.UnknownJob as error:
            raise NotFound from error
        return f"{name} is due now"


class Attention(ListView):
    """What is wrong or late, worst first."""

    right = "ops.view_attentionitem"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": AttentionStates}

    def results(self, request: Request) -> list[Any]:
        return [
            fields_of(item, AttentionState, severity=item.get_severity_display().lower())
            for item in watch.open_items()[:_LISTED]
        ]


class _AttentionAction(ActionView):
    right = "ops.handle_attentionitem"
    body = AttentionAction

    def act(self, body: AttentionAction, actor: str, *, item_id: int) -> str:
        find_row(AttentionItem, pk=item_id)
        return self.handle(item_id, body, actor)

    def handle(self, item_id: int, body: AttentionAction, actor: str) -> str:
        raise NotImplementedError


class AttentionAcknowledgement(_AttentionAction):
    """Say that somebody knows of it."""

    def handle(self, item_id: int, body: AttentionAction, actor: str) -> str:
        actions.acknowledge(item_id, actor=actor, note=body.note)
        return "acknowledged"


class AttentionSnooze(_AttentionAction):
    """Hide it for `minutes`, or until it becomes worse."""

    def handle(self, item_id: int, body: AttentionAction, actor: str) -> str:
        item = actions.snooze(item_id, timedelta(minutes=body.minutes), actor=actor, note=body.note)
        return f"snoozed until {item.snoozed_until:%Y-%m-%d %H:%M %Z}"


class AttentionAssignment(_AttentionAction):
    """Name the member of staff who looks after it."""

    def handle(self, item_id: int, body: AttentionAction, actor: str) -> str:
        actions.assign_to_name(item_id, body.to, actor=actor, note=body.note)
        return f"assigned to {body.to}"


class SagaGroupList(ListView):
    """Sagas that are held up, by cause."""

    right = "process.view_saga"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": SagaGroups}

    def results(self, request: Request) -> list[Any]:
        return [fields_of(group, SagaGroup, sagas=len(group.sagas)) for group in group_failures()]


class _SagaView(ActionView):
    right = "process.operate_saga"
    verb: ClassVar[str]

    def act(self, body: OperatorReason, actor: str, *, saga_id: UUID) -> str:
        try:
            saga_operations.act(saga_id, self.verb, actor=actor, reason=body.reason)
        except SagaNotFound as error:
            raise NotFound from error
        except ActionNotAllowed as error:
            raise CommandRefused(str(error)) from error
        return "a worker processes it in a moment"


class SagaRetry(_SagaView):
    """Let a suspended saga try its failed step again."""

    verb = "retry"


class SagaRetryNow(_SagaView):
    """Make the step that is retried anyway due now."""

    verb = "retry-now"


class SagaCompensation(_SagaView):
    """Let a saga undo its completed steps where possible."""

    verb = "compensate"


class SagaResolution(_SagaView):
    """Close a saga whose process was completed by hand."""

    verb = "resolve"


class _SagaGroupView(ActionView):
    right = "process.operate_saga"
    body = SagaGroupAction
    verb: ClassVar[str]

    def act(self, body: SagaGroupAction, actor: str) -> str:
        group = find_group(body.group)
        if group is None:
            raise InvalidMessage("no saga is held up by this cause any more", group=body.group)
        return saga_operations.act_on_group(group, self.verb, actor=actor, reason=body.reason)


class SagaGroupRetry(_SagaGroupView):
    """Retry all suspended sagas of a group."""

    verb = "retry"


class SagaGroupRetryNow(_SagaGroupView):
    """Make the failing steps of all sagas of a group due now."""

    verb = "retry-now"


class SagaGroupCompensation(_SagaGroupView):
    """Compensate all sagas of a group."""

    verb = "compensate"


class SagaGroupResolution(_SagaGroupView):
    """Resolve all sagas of a group."""

    verb = "resolve"
