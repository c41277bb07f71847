"""The address book of a customer, and the language and time zone of their letters."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import new_id
from eventshop.web.pages.return_path import return_path
from users.application.customer_adapter import Person
from users.application.time_zone import remember_time_zone
from users.domain.commands import ChangePreferences, RemoveDeliveryAddress, SaveDeliveryAddress
from users.domain.events import DeliveryAddressSaved
from users.pages.forms import DeliveryAddressForm, PreferencesForm
from users.pages.privacy_views import person_page, send_command

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@person_page
def address_book(request: HttpRequest, me: Person) -> HttpResponse:
    """The addresses that parcels can go to."""
    return render(request, "users/addresses.html", {"me": me, "entries": me.address_book, "form_id": new_id()})


@get_or_post
@person_page
def add_address(request: HttpRequest, me: Person) -> HttpResponse:
    """Add an address, and go back to where the person came from, such as the checkout, which then offers it first."""
    form = DeliveryAddressForm(request.POST or None)
    if form.is_valid():
        # The id follows from the form: sent twice, it is one address.
        return _save(request, me, derive_id("delivery-address", form.cleaned_data["form_id"]), form)
    return render(request, "users/address.html", {"form": form, "title": "Add an address"})


@get_or_post
@person_page
def change_address(request: HttpRequest, me: Person, address_id: UUID) -> HttpResponse:
    """Change an address of the address book."""
    if address_id not in me.address_book:
        raise Http404
    form = DeliveryAddressForm(request.POST or None, initial=me.address_book[address_id]._asdict())
    if form.is_valid():
        return _save(request, me, address_id, form)
    return render(request, "users/address.html", {"form": form, "title": "Change the address"})


@require_POST
@person_page
def remove_address(request: HttpRequest, me: Person, address_id: UUID) -> HttpResponse:
    """Take an address out of the address book; one that is already out stays out."""
    saved = (recorded.event for recorded in me.events if isinstance(recorded.event, DeliveryAddressSaved))
    if all(event.address_id != address_id for event in saved):
        raise Http404
    if send_command(request, me, lambda: RemoveDeliveryAddress(me.id, address_id), new_id()):
        messages.success(request, "The address is removed.")
    return redirect("users:addresses")


@get_or_post
@person_page
def preferences(request: HttpRequest, me: Person) -> HttpResponse:
    """Choose the language and the time zone of letters."""
    chosen = me.preferences
    initial = {"language": chosen.language.partition("-")[0], "time_zone": chosen.time_zone}
    form = PreferencesForm(request.POST or None, initial=initial)
    if form.is_valid():
        values = dict(form.cleaned_data)
        form_id = values.pop("form_id")
        if send_command(request, me, lambda: ChangePreferences(me.id, **values), form_id):
            remember_time_zone(request, values["time_zone"])
            messages.success(request, "From now on we write to you like that.")
        return redirect("users:preferences")
    return render(request, "users/preferences.html", {"form": form})


def _save(request: HttpRequest, me: Person, address_id: UUID, form: DeliveryAddressForm) -> HttpResponse:
    values = dict(form.cleaned_data)
    form_id = values.pop("form_id")
    if send_command(request, me, lambda: SaveDeliveryAddress(me.id, address_id, **values), form_id):
        messages.success(request, "The address is saved.")
        if back := return_path(request):
            return redirect(f"{back}{'&' if '?' in back else '?'}{urlencode({'address': address_id})}")
    return redirect("users:addresses")
