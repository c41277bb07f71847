"""The page on which a person erases categories of their data and stays a customer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from users.application.customer_adapter import Person
from users.application.user_timeline import timeline_entry
from users.domain.commands import EraseData
from users.domain.events import CategoriesErased
from users.pages.forms import CategoryForm
from users.pages.privacy_views import person_page, send_command


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def erase_categories(request: HttpRequest, me: Person) -> HttpResponse:
    """Show the categories and earlier erasures; erase some after the password was checked."""
    form = CategoryForm(request, request.POST or None)
    if form.is_valid():
        chosen = tuple(form.cleaned_data["categories"])
        command = EraseData(me.id, categories=chosen, source="page")
        if send_command(request, me, lambda: command, form.cleaned_data["form_id"]):
            messages.success(request, f"We are erasing: {', '.join(chosen)}. It cannot be undone.")
        return redirect("users:erase-categories")
    earlier = [timeline_entry(one) for one in reversed(me.events) if isinstance(one.event, CategoriesErased)]
    return render(request, "users/erase_categories.html", {"form": form, "earlier": earlier})
