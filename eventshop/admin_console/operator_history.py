"""What operators did about one thing, on its page, for those who may see the operator log."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.row_page import MAX_ROWS, Table, link
from eventshop.operations.models import OperatorAction


def operator_history(request: HttpRequest, condition: Q) -> list[Table]:
    """One table, the newest action first; none for those who may not see the log."""
    if not request.user.has_perm("ops.view_operatoraction"):
        return []
    rows = [
        (
            link(reverse("admin:ops_operatoraction_change", args=(row.pk,)), row.action),
            datetime_html(row.at),
            actor_label(row.actor),
            row.reason or EMPTY_VALUE,
            row.result or EMPTY_VALUE,
        )
        for row in OperatorAction.objects.filter(condition).order_by("-id")[:MAX_ROWS]
    ]
    return [Table("What operators did", ("Action", "Time", "By", "Why", "Result"), rows, "Nothing so far.")]


def about_event(projection: str, event_id: UUID, aggregate_id: UUID, fingerprint: str = "") -> Q:
    """The actions about one event in a projection, about its queue, or about all of its cause."""
    about = Q(target__contains=str(event_id)) & Q(target__contains=projection)
    about |= Q(target=f"{projection} {aggregate_id}")
    return about | Q(target=f"{projection}: {fingerprint}"[:200]) if fingerprint else about
