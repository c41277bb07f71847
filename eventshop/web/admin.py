"""Admin pages of API tokens (view, revoke) and of webhooks (create, change, view and resend deliveries)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from eventshop.core.message_registry import registry
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.web.api import api_tokens
from eventshop.web.api.base_view import VIEW_EVENTS
from eventshop.web.letters import letter_admin  # noqa: F401  (it registers the log of letters)
from eventshop.web.models import ApiToken, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from eventshop.web.read_only_admin import ReadOnlyModelAdmin
from eventshop.web.webhooks import signing
from eventshop.web.webhooks.delivery import resend
from eventshop.web.webhooks.url_policy import UnsafeAddress, resolve_target


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyModelAdmin):
    access = NotLogged("names and scopes of tokens")
    empty_message = "No API tokens yet."
    list_display = ("name", "begins", "owner", "scopes", "made_at", "expires_at", "used_on", "state")
    list_filter = ("expires_at",)
    search_fields = ("name", "begins", "owner__username")
    list_select_related = ("owner",)
    fieldsets = (
        ("Token", {"fields": ("name", "begins", "state", "owner", "scopes")}),
        ("Times", {"fields": ("made_at", "used_on", "expires_at", "revoked_at")}),
    )
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("web.revoke_apitoken")

    @admin.action(permissions=["revoke"], description="Revoke selected tokens")
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        for token in rows:
            api_tokens.revoke_token(token)
        messages.success(request, f"{len(rows)} tokens revoked.")


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = WebhookEndpoint
        fields = ("url", "types", "active")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            resolve_target(url)
        except UnsafeAddress as error:
            raise forms.ValidationError(str(error)) from error
        except OSError as error:
            raise forms.ValidationError("This host name cannot be resolved") from error
        return url

    def clean_types(self) -> str:
        types: list[str] = self.cleaned_data["types"].split()
        if unknown := sorted(set(types) - set(registry.events)):
            raise forms.ValidationError(f"Unknown event types: {', '.join(unknown)}")
        return " ".join(types)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ModelAdmin):  # type: ignore[misc]
    """The user who creates a webhook owns it. It sends the events that its owner and who changed it last may read.

    Its secret is shown once, in the message after it was created or given a new one.
    """

    access = NotLogged("addresses of webhooks")

    form = EndpointForm
    fieldsets = (("Where it sends what", {"fields": ("url", "types", "active")}),)
    readonly_fields = ("owner", "made_at", "changed_by", "cursor")
    list_display = ("url", "types", "owner", "active", "made_at")
    list_select_related = ("owner",)
    actions = ("rotate_secret",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        owner = ("Whose it is, and how far", {"fields": ("owner", "made_at", "changed_by", "cursor")})
        return (*self.fieldsets, owner) if obj else self.fieldsets

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW_EVENTS) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(VIEW_EVENTS) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("web.change_webhookendpoint")

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        if change:
            obj.changed_by_id, obj.token = request.user.pk, None
        else:
            obj.owner_id = request.user.pk  # type: ignore[assignment]
            obj.cursor = newest_position()
        obj.version += change
        super().save_model(request, obj, form, change)
        if not change:
            _show_secret(request, obj)

    @admin.action(permissions=["rotate"], description="Give selected webhooks a new secret")
    def rotate_secret(self, request: HttpRequest, rows: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in rows:
            signing.rotate_secret(endpoint)
            _show_secret(request, endpoint)
        messages.success(
            request,
            f"{len(rows)} webhooks have a new secret. Messages are also signed with the previous one for one day.",
        )


def _show_secret(request: HttpRequest, endpoint: WebhookEndpoint) -> None:
    text = f"The signing secret of {endpoint.url}, shown only now: {signing.signing_secret(endpoint)}"
    messages.warning(request, text)


class AttemptsInline(TabularInline):  # type: ignore[misc]
    model = WebhookAttempt
    fields = readonly_fields = ("at", "status", "error", "took_ms")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyModelAdmin):
    access = NotLogged("positions and attempts of deliveries")
    empty_message = "No webhook deliveries yet."
    list_display = ("event_type", "position", "endpoint", "state", "tries", "due_at")
    list_filter = ("state",)
    list_select_related = ("endpoint",)
    ordering = ("-position",)
    show_full_result_count = False
    inlines = (AttemptsInline,)
    fieldsets = (
        ("Delivery", {"fields": ("endpoint", "state", "tries", "due_at")}),
        ("The event", {"fields": ("event_type", "event", "id")}),
    )
    actions = ("resend",)

    @admin.display(description="position")
    def event(self, delivery: WebhookDelivery) -> SafeString | str:
        if delivery.position < 0:
            return "a test event"
        url = reverse("admin:store_storedevent_change", args=[delivery.position])
        return format_html('<a class="es-link" href="{}">{}</a>', url, f"{delivery.position:,}")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("web.resend_webhookdelivery")

    @admin.action(permissions=["resend"], description="Resend selected deliveries")
    def resend(self, request: HttpRequest, rows: QuerySet[WebhookDelivery]) -> None:
        for delivery in rows:
            resend(delivery)
        messages.success(request, f"{len(rows)} deliveries will be sent again.")
