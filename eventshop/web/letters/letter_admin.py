"""The log of letters and other effects in the admin: what was sent when, how each letter looks, and resending."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.core.errors import EventShopError, InvalidMessage
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.operator_log import record_action
from eventshop.operations.rights import only_staff
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections.effects.performing import perform_again, request_of
from eventshop.projections.models import ProjectedEffect
from eventshop.web.letters.letter import Letter, render_html, render_text
from eventshop.web.letters.letter_kinds import LETTERS, compose_letter
from eventshop.web.read_only_admin import ReadOnlyModelAdmin

VIEW: Final = "projection_engine.view_projectedeffect"


def compose(effect: ProjectedEffect) -> Letter:
    """The letter as it would be sent now. Raises `EventShopError` if there would be none."""
    request = request_of(effect)
    if effect.projection != LETTERS.name or effect.kind not in LETTERS.rules:
        raise InvalidMessage("This effect is no letter")
    return compose_letter(request)


@admin.register(ProjectedEffect)
class ProjectedEffectAdmin(ReadOnlyModelAdmin):
    access = Logged(Kind.ROWS)
    empty_message = "No letters yet."
    list_display = ("kind", "person", "state", "due_at", "finished_at", "tries", "error")
    list_filter = ("state", "kind")
    search_fields = ("person__exact", "aggregate_id__exact", "event_id__exact")
    search_help_text = "The id of a person, of an order or of an event"
    ordering = ("-position",)
    show_full_result_count = False
    fieldsets = (
        ("Letter", {"fields": ("kind", "state", "person", "tries", "error", "due_at", "finished_at")}),
        ("The event it is about", {"fields": ("event_type", "event", "event_id", "aggregate_id")}),
        ("How it looks", {"fields": ("as_html", "as_text"), "classes": ("es-last",)}),
    )
    actions = ("send_again",)

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview)
        return [path("<uuid:effect_id>/preview/", preview, name="letter_preview"), *super().get_urls()]

    @method_decorator(csp_update({"style-src": [SELF, UNSAFE_INLINE]}))
    @only_staff(VIEW)
    @declare_access(Logged(Kind.ROWS))
    def preview(self, request: HttpRequest, effect_id: UUID) -> HttpResponse:
        """The letter as it looks. Nothing in it runs or is loaded."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        effect = get_object_or_404(ProjectedEffect, pk=effect_id)
        try:
            return HttpResponse(render_html(compose(effect)))
        except EventShopError as error:
            return HttpResponse(error.message, content_type="text/plain; charset=utf-8", status=409)

    @admin.display(description="position")
    def event(self, effect: ProjectedEffect) -> SafeString:
        url = reverse("admin:store_storedevent_change", args=[effect.position])
        return format_html('<a class="es-link" href="{}">{}</a>', url, f"{effect.position:,}")

    @admin.display(description="as HTML")
    def as_html(self, effect: ProjectedEffect) -> SafeString | str:
        return format_html(
            '<a class="es-link" href="{}">Open it as it looks</a>', reverse("admin:letter_preview", args=[effect.pk])
        )

    @admin.display(description="as text, as it would be sent now")
    def as_text(self, effect: ProjectedEffect) -> SafeString | str:
        try:
            return format_html("<pre>{}</pre>", render_text(compose(effect)))
        except EventShopError as error:
            return error.message

    def has_repeat_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("projection_engine.repeat_projectedeffect")

    @admin.action(permissions=["repeat"], description="Send selected letters again")
    def send_again(self, request: HttpRequest, rows: QuerySet[ProjectedEffect]) -> None:
        for effect in rows:
            try:
                perform_again(effect)
            except InvalidMessage as refusal:
                messages.error(request, refusal.message)
                continue
            record_action(actor=staff_actor(request.user), action="send letter again", target=str(effect))
            messages.success(request, f"{effect.kind} will be sent again.")
