"""The operator log: who did what to projections, sagas and topics, why, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.keyset_pagination import KeysetChangeList
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import RangeDateFilter, display
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.models import OperatorAction
from eventshop.operations.staff_actors import actors_named


class OperatorActionChangeList(KeysetChangeList):
    cursor_field = "id"


@admin.register(OperatorAction)
class OperatorActionAdmin(ReadOnlyAdmin):
    access = NotLogged("what operators did")
    empty_message = "No operator has done anything yet."
    list_display = ("time", "actor_column", "action", "target", "reason", "result")
    list_display_links = ("time",)
    list_filter = (("at", RangeDateFilter),)
    list_filter_submit = True
    search_fields = ("actor",)
    search_help_text = "User name of staff; part of an action or of what it was done to"
    sortable_by = ()
    ordering = ("-id",)
    change_list_template = "console/keyset_list.html"
    fieldsets = (
        section("What was done", "action", "target", "result"),
        section("By whom, and why", "actor_column", "actor", "time", "reason"),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[OperatorActionChangeList]:
        return OperatorActionChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        found = Q(actor__in=actors_named(text)) | Q(action__icontains=text) | Q(target__icontains=text)
        return queryset.filter(found), False

    @display(description="done")
    def time(self, row: OperatorAction) -> str | SafeString:
        return datetime_html(row.at)

    @display(description="by")
    def actor_column(self, row: OperatorAction) -> str | SafeString:
        return actor_label(row.actor)
