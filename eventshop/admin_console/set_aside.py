"""What else is set aside and waits for somebody, on the desk of dead letters: sagas by cause, records, corrections."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from eventshop.admin_console.saga_groups import VERBS
from eventshop.operations import unreadable_records
from eventshop.operations.saga_operations import verbs_of
from eventshop.projections.models import EventCorrection, SkippedEvent
from eventshop.sagas.step_failures import group_failures

#: Up to which rows are counted.
COUNTED: Final = 10_000
#: Causes of unreadable records that are listed.
MAX_CAUSES: Final = 20


class SetAside(NamedTuple):
    """One kind of what is set aside: how much, and where it is dealt with."""

    text: str
    rows: int
    url: str


def set_aside_elsewhere(request: HttpRequest) -> list[SetAside]:
    """What this user may see of it; kinds of which there is nothing are left out."""
    kinds: list[tuple[str, QuerySet[Any], str]] = [
        ("Unreadable records", unreadable_records.open_records(), ""),
        ("Corrections that wait for a second person", EventCorrection.objects.filter(approved_at=None), ""),
        ("Skipped events", SkippedEvent.objects.all(), ""),
    ]
    found = []
    for text, rows, query in kinds:
        options = rows.model._meta
        if request.user.has_perm(f"{options.app_label}.view_{options.model_name}"):
            count = rows.order_by()[:COUNTED].count()
            url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
            found += [SetAside(text, count, f"{url}{query}")] if count else []
    return found


def record_causes(request: HttpRequest) -> dict[str, Any]:
    """The context of `templates/console/record_causes.html`."""
    if not request.user.has_perm("projection_engine.view_unreadablerecord"):
        return {}
    return {"record_causes": unreadable_records.causes(MAX_CAUSES)}


def held_up_sagas(request: HttpRequest) -> dict[str, Any]:
    """The context of `templates/console/dead_letter_sagas.html`: suspended sagas and failing steps, with what helps."""
    if not request.user.has_perm("process.view_saga"):
        return {}
    return {
        "saga_groups": [(group, [(name, VERBS[name]) for name in verbs_of(group)]) for group in group_failures()],
        "may_operate": request.user.has_perm("process.operate_saga"),
    }
