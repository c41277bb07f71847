"""The confirmation page of an action; `console.js` shows it as a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventshop.admin_console.read_only_admin import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


def reason_field(help_text: str, *, max_length: int = 500) -> forms.CharField:
    """The field of a dialog that asks why."""
    return forms.CharField(
        max_length=max_length, help_text=help_text, widget=forms.TextInput(attrs={"class": "es-input"})
    )


def confirm_with_view_permission(
    model_admin: ReadOnlyAdmin, request: HttpRequest, title: str, form: forms.Form, back_url: str
) -> HttpResponse:
    """Render the confirmation page. Raises `PermissionDenied` for users without the view permission."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    return render_confirmation(model_admin, request, title, form, back_url)


def render_confirmation(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    title: str,
    form: forms.Form,
    back_url: str,
    **extra_context: object,
) -> HttpResponse:
    """Render the confirmation page without a permission check. `extra_context` is passed to the template."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "form": form,
        "back_url": back_url,
        **extra_context,
    }
    return TemplateResponse(request, "console/confirm.html", context)
