"""Asking before doing: a page that is a dialog where scripts run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventshop.admin_console.read_only_admin import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


def confirm(page: ReadOnlyAdmin, request: HttpRequest, title: str, form: forms.Form, back: str) -> HttpResponse:
    """Ask before doing; the same page is the dialog's content."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    return ask(page, request, title, form, back)


def ask(
    page: ModelAdmin[Any], request: HttpRequest, title: str, form: forms.Form, back: str, **more: object
) -> HttpResponse:
    """As `confirm`, for those who have made sure that the person may; `more` is for the template."""
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": title,
        "form": form,
        "back": back,
        **more,
    }
    return TemplateResponse(request, "console/confirm.html", context)
