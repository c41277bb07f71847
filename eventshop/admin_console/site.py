"""The admin site of the console: Unfold's, with a search of our own at `admin:search`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django import forms
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.auth.views import PasswordChangeView
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers

from eventshop.admin_console.find.finders import Query, find_anything, may_find_people
from eventshop.admin_console.password_forms import OwnPasswordForm
from eventshop.admin_console.saved_filters import delete_filter, keep_columns, save_filter
from eventshop.admin_console.work_list_admin import WorkListAdmin
from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import VISIBLE_TEXT, clean_text
from eventshop.core.messages import new_id
from eventshop.core.request_context import note_access
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import Audience, open_to

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite as UnfoldAdminSite
else:
    from unfold.sites import UnfoldAdminSite

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


class FindForm(forms.Form):
    """What is looked for; with a reason, people are looked for by their name or e-mail address."""

    q = forms.CharField(max_length=200)
    reason = forms.CharField(max_length=200, required=False)
    command_id = forms.UUIDField(required=False)

    def clean_reason(self) -> str:
        """As the command that records it has it."""
        reason = str(self.cleaned_data["reason"])
        try:
            return clean_text(reason, VISIBLE_TEXT) if reason else ""
        except InvalidMessage as error:
            raise forms.ValidationError(f"This text {error.message}.") from None


class ConsoleSite(UnfoldAdminSite):
    """The console."""

    def admin_view(self, view: V, cacheable: bool = False) -> V:
        """As Django's; a list answers a filter by a time that is out of range in UTC as other invalid filters."""
        return super().admin_view(_refuse_unreadable(view) if view.__name__ == "changelist_view" else view, cacheable)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django's; each list has the console's tools, whichever app it is of."""
        if admin_class is not None and not issubclass(admin_class, WorkListAdmin):
            admin_class = type(
                admin_class.__name__, (admin_class, WorkListAdmin), {"__module__": admin_class.__module__}
            )
        super().register(model_or_iterable, admin_class, **options)

    def extra_urls(self) -> list[URLPattern]:
        """The addresses to which the forms above lists are sent."""
        return [
            path("saved-filters/<str:listed>/", self.admin_view(save_filter), name="save_filter"),
            path(
                "saved-filters/<str:listed>/<int:filter_id>/delete/",
                self.admin_view(delete_filter),
                name="delete_filter",
            ),
            path("list-columns/<str:listed>/", self.admin_view(keep_columns), name="keep_columns"),
        ]

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """As Django's, but wrong passwords count as those of a sign-in."""
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse(f"{self.name}:password_change_done", current_app=self.name),
            template_name=self.password_change_template or "registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return cast(TemplateResponse, view(request))

    @open_to(Audience.STAFF)
    @declare_access(Logged(Kind.ROWS))
    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Find anything by `q`, which is posted: what people type may be about a person, and addresses are logged.

        For the palette (htmx) only the results, else a page that works without scripts. Never cached.
        """
        form = FindForm(request.POST if request.method == "POST" else None)
        found, query = [], None
        if form.is_valid():
            query = Query(request, form.cleaned_data["q"], form.cleaned_data["reason"], form.cleaned_data["command_id"])
            found = find_anything(query)
            note_access(rows=sum(len(one.hits) for one in found), kind=Kind.PERSONAL if query.reason else Kind.ROWS)
        context = {
            **self.each_context(request),
            "title": "Find",
            "form": form,
            "query": query,
            "found": found,
            "may_find_people": may_find_people(request),
            "command_id": new_id(),
        }
        template = "console/find_results.html" if request.headers.get("HX-Request") else "console/find.html"
        response = TemplateResponse(request, template, context)
        add_never_cache_headers(response)
        return response


def _refuse_unreadable(view: V) -> V:
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (OverflowError, DataError):
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")

    return cast(V, answer)
