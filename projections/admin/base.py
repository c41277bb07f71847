"""The base of every read model's admin."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.registry import Link
from eventshop.admin_console.replay_admin import as_of_url, check_url
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import detail_action
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.completeness import missing_from_model
from eventshop.web.shared.incomplete_files import name_file

#: It comes last, below everything else.
LINEAGE: Final = section("Lineage", "last_event_id", "last_version", "last_partition", "last_offset", is_last=True)


class RowAdmin(ReadOnlyAdmin):
    """Read-only admin of a read model, with buttons to request a row as of a time, and to check and repair it."""

    access = Logged(Kind.ROWS)

    actions_detail: Any = ()  # a tuple of names; `Any`, because a mixin declares one of another length

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actions_detail = (*self.actions_detail, "as_it_was", "check_row", "repair_row")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with a warning that says what is missing from it."""
        if missing := missing_from_model(self.model):
            self.message_user(request, f"What is listed here is incomplete: {missing}.", messages.WARNING)
        return super().changelist_view(request, extra_context)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as a file; if something is missing from it, its name and a header say so."""
        response = super().export_view(request)
        if missing := missing_from_model(self.model):
            name_file(response, f"{self.opts.model_name}.csv", missing)
        return response

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The lineage comes last on the page of every row."""
        return (*super().get_fieldsets(request, obj), LINEAGE)

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        trace = Link("Trace of the newest event", f"{reverse('admin:trace')}?id={obj.last_event_id}")
        return {"stream_links": [trace] if request.user.has_perm("store.view_storedevent") else []}

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The row, with a warning while something is missing from its read model."""
        if missing := missing_from_model(self.model):
            self.message_user(request, f"What is shown here may be incomplete: {missing}.", messages.WARNING)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def has_as_it_was_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.replay_projection")

    def has_repair_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        has_perm = request.user.has_perm
        return has_perm("projection_engine.replay_projection") and has_perm("projection_engine.rebuild_projection")

    @detail_action(permission="as_it_was", description="As of a time", icon="history")
    def as_it_was(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(as_of_url(self.model, object_id))

    @detail_action(permission="as_it_was", description="Check against events", icon="rule")
    def check_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(check_url(self.model, object_id))

    @detail_action(permission="repair", description="Repair from events", icon="build")
    def repair_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(check_url(self.model, object_id, repair=True))
