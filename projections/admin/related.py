"""What the page of a row shows of other models: only what this member of staff may see there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from eventshop.admin_console.registry import Link
from eventshop.admin_console.state_comparison import yesterday_url
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import Stream


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    """Whether somebody may see the rows of a model, wherever they are shown."""
    options = model._meta
    return request.user.has_perm(f"{options.app_label}.view_{options.model_name}")


def page_url(model: type[Model], key: Any) -> str:
    """The admin page of a row."""
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=(quote(str(key)),))


def stream_links(request: HttpRequest, aggregate_id: UUID) -> list[Link]:
    """From the page of a row to the history of its aggregate: `templates/projections/parts/stream_links.html`."""
    links = []
    if may_see(request, StoredEvent):
        links.append(Link("Trace: which command led to what", f"{reverse('admin:trace')}?id={aggregate_id}"))
    if may_see(request, Stream):
        links.append(Link("Yesterday against now", yesterday_url(aggregate_id)))
        links.append(Link("All events", reverse("admin:ops_stream_change", args=(aggregate_id,))))
    return links
