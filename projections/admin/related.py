"""What the page of a row shows of other models: only what this member of staff may see there."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.registry import Link
from eventshop.admin_console.row_page import MAX_ROWS, Table, badge, link
from eventshop.admin_console.state_comparison import yesterday_url
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import Stream
from eventshop.sagas.models import Saga

_TONES: Final[dict[str, str]] = {Saga.Status.SUSPENDED: "bad", Saga.Status.ENDED: "good", Saga.Status.RESOLVED: "warn"}


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    """Whether somebody may see the rows of a model, wherever they are shown."""
    options = model._meta
    return request.user.has_perm(f"{options.app_label}.view_{options.model_name}")


def page_url(model: type[Model], key: Any) -> str:
    """The admin page of a row."""
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=(quote(str(key)),))


def sagas_table(subject_id: UUID) -> Table:
    """The sagas about an aggregate, such as the settlement of a trade."""
    return Table(
        "Sagas",
        ("Saga", "Status", "Error", "Last message"),
        [
            (
                link(page_url(Saga, saga.pk), short_name(saga.kind, saga.pk)),
                badge(saga.get_status_display(), _TONES.get(saga.status, "")),
                saga.error or EMPTY_VALUE,
                datetime_html(saga.moved_at),
            )
            for saga in Saga.objects.filter(subject_id=subject_id).order_by("started_at")[:MAX_ROWS]
        ],
        "No saga is about this.",
    )


def stream_links(request: HttpRequest, aggregate_id: UUID) -> list[Link]:
    """From the page of a row to the history of its aggregate: `templates/projections/parts/stream_links.html`."""
    links = []
    if may_see(request, StoredEvent):
        links.append(Link("Trace: which command led to what", f"{reverse('admin:trace')}?id={aggregate_id}"))
    if may_see(request, Stream):
        links.append(Link("Yesterday against now", yesterday_url(aggregate_id)))
        links.append(Link("All events", reverse("admin:ops_stream_change", args=(aggregate_id,))))
    return links
