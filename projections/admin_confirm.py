"""Asking before doing: a page that is a dialog where scripts run."""

from __future__ import annotations

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventshop.ops.console.read_only import ReadOnlyAdmin


def confirm(page: ReadOnlyAdmin, request: HttpRequest, title: str, form: forms.Form, back: str) -> HttpResponse:
    """Ask before doing; the same page is the dialog's content."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": title,
        "form": form,
        "back": back,
    }
    return TemplateResponse(request, "console/confirm.html", context)
