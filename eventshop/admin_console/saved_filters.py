"""What somebody keeps of a list: filters under a name, their own or shared, and the columns that they want to see."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from eventshop.admin_console.list_state import COLUMNS
from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import VISIBLE_TEXT, clean_text
from eventshop.operations.access_log.declarations import NotLogged, declare_access
from eventshop.operations.models import ListColumns, SavedFilter
from eventshop.operations.rights import Audience, open_to

#: Filters that one person may keep for one list, and that a list offers of one's own and of others.
MAX_FILTERS: Final = 50
#: What an address says beside filters, order and columns: the page, and that a filter was not understood.
_PASSING: Final = ("p", "before", "after", "e", "all")
_SHARE: Final = "ops.share_savedfilter"


class SavedFilterForm(forms.Form):
    """The name of a filter, and the parameters of the address of its list."""

    name = forms.CharField(max_length=60)
    address = forms.CharField(max_length=1000, required=False)
    is_shared = forms.BooleanField(required=False)

    def clean_name(self) -> str:
        try:
            return clean_text(str(self.cleaned_data["name"]), VISIBLE_TEXT)
        except InvalidMessage as error:
            raise forms.ValidationError(f"This text {error.message}.") from None

    def clean_address(self) -> str:
        return lasting_address(str(self.cleaned_data["address"]))


def lasting_address(query: str) -> str:
    """The parameters of a list's address without those of a page of it."""
    parameters = QueryDict(query.removeprefix("?"), mutable=True)
    for name in _PASSING:
        parameters.pop(name, None)
    return parameters.urlencode()


def tools_context(request: HttpRequest, model: type[Model]) -> dict[str, Any]:
    """The context of `templates/console/list_tools.html`."""
    address, login = lasting_address(request.GET.urlencode()), _login(request)
    filters = _offered(login).filter(listed=model._meta.label_lower).select_related("owner").order_by("name", "pk")
    may_share = login.has_perm(_SHARE)
    return {
        "listed": model._meta.label_lower,
        "address": address,
        "may_share": may_share,
        "saved_filters": [
            {
                "row": row,
                "is_current": row.address == address,
                "is_own": row.owner_id == login.pk,
                "may_delete": row.owner_id == login.pk or may_share,
            }
            for row in filters[: 2 * MAX_FILTERS]
        ],
    }


def kept_columns(request: HttpRequest, model: type[Model]) -> list[str]:
    """The columns that this person has chosen for a list; empty for those that it has by itself."""
    if not getattr(request.user, "pk", None):
        return []
    rows = ListColumns.objects.filter(owner=request.user.pk, listed=model._meta.label_lower)
    return str(rows.values_list("columns", flat=True).first() or "").split()


@open_to(Audience.STAFF)
@declare_access(NotLogged("a filter of one's own; it shows no rows"))
@require_POST
def save_filter(request: HttpRequest, listed: str) -> HttpResponse:
    """Keep the filters of a list under a name; one's own filter of this name is replaced."""
    model_admin, login = _admin_of(listed), _login(request)
    form = SavedFilterForm(request.POST)
    if not form.is_valid():
        problems = " ".join(str(text) for texts in form.errors.values() for text in texts)
        messages.error(request, f"The filter was not saved: {problems}")
        return _to_list(model_admin, lasting_address(request.POST.get("address", "")))
    values = form.cleaned_data
    if values["is_shared"] and not login.has_perm(_SHARE):
        raise PermissionDenied
    own = SavedFilter.objects.filter(owner=login, listed=listed)
    if own.exclude(name=values["name"]).count() >= MAX_FILTERS:
        messages.error(request, f"You have {MAX_FILTERS} filters for this list: delete one first.")
    else:
        name = values.pop("name")
        SavedFilter.objects.update_or_create(owner=login, listed=listed, name=name, defaults=values)
        messages.success(request, f"The filter “{name}” is saved.")
    return _to_list(model_admin, values["address"])


@open_to(Audience.STAFF)
@declare_access(NotLogged("a filter of one's own; it shows no rows"))
@require_POST
def delete_filter(request: HttpRequest, listed: str, filter_id: int) -> HttpResponse:
    """Delete a filter of one's own, or a shared one with the right to share."""
    model_admin, login = _admin_of(listed), _login(request)
    may = Q(owner=login) | Q(is_shared=True) if login.has_perm(_SHARE) else Q(owner=login)
    row = get_object_or_404(SavedFilter, may, pk=filter_id, listed=listed)
    row.delete()
    messages.success(request, f"The filter “{row.name}” is deleted.")
    return _to_list(model_admin, lasting_address(request.POST.get("address", "")))


@open_to(Audience.STAFF)
@declare_access(NotLogged("columns of one's own; it shows no rows"))
@require_POST
def keep_columns(request: HttpRequest, listed: str) -> HttpResponse:
    """Keep the chosen columns of a list for this person, or with `reset` forget them."""
    model_admin, login = _admin_of(listed), _login(request)
    offered = [str(name) for name in model_admin.list_display]
    parameters = QueryDict(lasting_address(request.POST.get("address", "")), mutable=True)
    parameters.pop(COLUMNS, None)
    chosen = [name for name in offered if name in request.POST.getlist(COLUMNS)]
    if "reset" in request.POST or not chosen:
        ListColumns.objects.filter(owner=login, listed=listed).delete()
    else:
        ListColumns.objects.update_or_create(owner=login, listed=listed, defaults={"columns": " ".join(chosen)})
        parameters.setlist(COLUMNS, chosen)
    return _to_list(model_admin, parameters.urlencode())


def _offered(login: Login) -> QuerySet[SavedFilter]:
    return SavedFilter.objects.filter(Q(owner=login) | Q(is_shared=True))


def _admin_of(listed: str) -> Any:
    """The admin of a list; the list itself asks for the right to see it."""
    try:
        return admin.site._registry[apps.get_model(listed)]
    except (LookupError, ValueError):
        raise Http404(f"there is no list {listed}") from None


def _to_list(model_admin: Any, address: str) -> HttpResponse:
    options = model_admin.opts
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return HttpResponseRedirect(f"{url}?{address}" if address else url)


def _login(request: HttpRequest) -> Login:
    if isinstance(request.user, AnonymousUser):
        raise PermissionDenied
    return request.user
