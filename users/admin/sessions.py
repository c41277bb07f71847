"""Sessions in the admin: who is signed in, with which browser; to delete one ends it at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from eventshop.admin_console.display_names import actor_name
from eventshop.admin_console.row_page import ROW_TEMPLATE, section
from eventshop.admin_console.unfold_adapter import UnfoldModelAdmin, display
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.operator_log import record_action
from eventshop.operations.staff_actors import staff_actor
from users.application.signed_in_sessions import alive_sessions, end_sessions
from users.models import SignedInSession


@admin.register(SignedInSession)
class SignedInSessionAdmin(UnfoldModelAdmin):
    access = Logged(Kind.ROWS)
    list_display = ("person", "browser", "since", "expires_at")
    list_filter = ("login__is_staff", "since")
    search_fields = ("login__username__exact",)
    search_help_text = "The whole username of a login."
    list_select_related = ("login",)
    fieldsets = (section("Session", "person", "browser"), section("Times", "since", "expires_at"))
    change_form_template = ROW_TEMPLATE
    ordering = ("-since",)

    @display(description="login", ordering="login__username")
    def person(self, session: SignedInSession) -> str:
        return actor_name(session.login.username)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignedInSession]:
        return alive_sessions()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: SignedInSession) -> None:
        self.delete_queryset(request, SignedInSession.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SignedInSession]) -> None:
        logins = sorted(set(queryset.values_list("login__username", flat=True)))
        ended = end_sessions(queryset)
        record_action(
            actor=staff_actor(request.user),
            action="end sessions",
            target=", ".join(map(actor_name, logins)),
            result=f"{ended} sessions",
        )
