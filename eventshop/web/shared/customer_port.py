"""The customer port: how other apps learn whose login a request has. The users app registers its adapter here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, NamedTuple, ParamSpec, Protocol
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from eventshop.core.port import Port
from eventshop.operations.rights import Audience, open_to
from eventshop.web.pages.return_path import with_return

P = ParamSpec("P")


class Contact(NamedTuple):
    """A person's contact details."""

    email: str
    name: str
    phone: str
    address: str


class Preferences(NamedTuple):
    """How a person is written to: a code of a language, and a name of the time zone database."""

    language: str
    time_zone: str


def shop_preferences() -> Preferences:
    """The language and the time zone of the shop, for whoever has chosen none."""
    return Preferences(settings.LANGUAGE_CODE, settings.TIME_ZONE)


class DeliveryAddress(NamedTuple):
    """An address that a person's parcels can go to. `key` identifies it among the person's addresses."""

    key: str
    name: str
    address: str
    is_default: bool = False


class ConsentOption(NamedTuple):
    """A consent that a form may offer. `notice` is the version of the privacy notice that words it."""

    term: str
    label: str
    description: str
    notice: str


class CustomerPort(Protocol):
    """What the adapter must provide."""

    #: URL name of the page where a signed-in user becomes a customer.
    join_url_name: str

    #: A subquery for the person of a login, whose table is called `login` around it.
    person_sql: str

    def person_of(self, login: AbstractBaseUser | AnonymousUser) -> UUID | None:
        """The person id of this login; None for anonymous users and for staff who are not customers."""
        ...

    def remember_person(self, login: AbstractBaseUser, person: UUID | None) -> None:
        """Note what `person_sql` gave for a login, so that `person_of` runs no query for this object."""
        ...

    def contact_of(self, person: UUID) -> Contact | None:
        """The person's contact details; None after they were erased."""
        ...

    def preferences_of(self, person: UUID) -> Preferences:
        """The language and time zone that the person chose, or those of the shop."""
        ...

    def delivery_addresses(self, person: UUID) -> list[DeliveryAddress]:
        """The addresses that the person can choose from at the checkout: that of their details, then their book's."""
        ...

    def set_address(self, person: UUID, name: str, address: str, form_id: UUID) -> None:
        """Store name and address, and keep the other details. Raises `EventShopError` if it is refused."""
        ...

    def consent_options(self, person: UUID) -> list[ConsentOption]:
        """The consents to offer at the checkout, without those that the person has already given."""
        ...

    def grant_consent(self, person: UUID, option: ConsentOption, form_id: UUID) -> None:
        """Record the consent. Idempotent per `form_id`. Raises `EventShopError` if it is refused."""
        ...


customer_port: Final = Port[CustomerPort]("customers")


def current_adapter() -> CustomerPort:
    """The adapter that a plug-in binds."""
    return customer_port.get()


def customer_required(
    view: Callable[Concatenate[HttpRequest, UUID, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Decorate a view for customers only; it gets the person id as its second argument.

    Anonymous users are redirected to the sign-in page, users without a customer to `join_url_name`. The page is never
    cached.
    """

    @open_to(Audience.CUSTOMERS)
    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = current_adapter().person_of(request.user)
        if person is None:
            back = request.get_full_path() if request.method in ("GET", "HEAD") else ""
            return redirect(with_return(reverse(current_adapter().join_url_name), back))
        return view(request, person, *args, **kwargs)

    return never_cache(login_required(wrapper))


def is_person(request: HttpRequest, person: UUID) -> bool:
    """Whether the request is that of a person."""
    return current_adapter().person_of(request.user) == person
