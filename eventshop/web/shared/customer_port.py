"""Who a page is for. Shops ask here; the application that knows people registers itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, NamedTuple, ParamSpec, Protocol
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

P = ParamSpec("P")


class Contact(NamedTuple):
    """How to reach a person."""

    email: str
    name: str
    phone: str
    address: str


class Wish(NamedTuple):
    """A consent that may be asked for beside something else; in the words of a version of the notice."""

    term: str
    label: str
    explained: str
    notice: str


class Customers(Protocol):
    """What knows people."""

    #: The page where somebody with a login becomes a customer.
    join: str

    def person_of(self, login: AbstractBaseUser | AnonymousUser) -> UUID | None:
        """Whose login this is; None for strangers, and for staff who are no customers."""
        ...

    def contact(self, person: UUID) -> Contact | None:
        """How to reach a person; None once that is erased."""
        ...

    def wishes(self, person: UUID) -> list[Wish]:
        """What a person may be asked at a checkout: never what they have agreed to already."""
        ...

    def agree(self, person: UUID, wish: Wish, form_id: UUID) -> None:
        """They ticked it. The same form sent twice agrees once. Raises `EventShopError`."""
        ...


_registered: list[Customers] = []


def register(customers: Customers) -> None:
    _registered[:] = [customers]


def registered() -> Customers:
    return _registered[0]


def customer(page: Callable[Concatenate[HttpRequest, UUID, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """For signed-in customers; anybody else is led to where they become one. No cache keeps such a page."""

    @wraps(page)
    def shown(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = registered().person_of(request.user)
        if person is None:
            return redirect(registered().join)
        return page(request, person, *args, **kwargs)

    return never_cache(login_required(shown))
