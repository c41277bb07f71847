"""The address book of a person, and the language and time zone of their letters, as REST resources of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import MultilineText, Name, NonEmptyText
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.command_endpoint import execute_command
from eventshop.web.api.etag import etag
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.api.response_schemas import CommandReceipt
from eventshop.web.shared.errors import NotFound
from users.api import url_names
from users.api.users import WRITE_SCOPES, OwnDataView, require_self
from users.application.customer_adapter import load_person
from users.domain.commands import ChangePreferences, RemoveDeliveryAddress, SaveDeliveryAddress
from users.domain.events import DeliveryAddressSaved

_READ: Final = {"GET": Rights(Audience.OWNER)}


class BookAddress(Struct, frozen=True, forbid_unknown_fields=True):
    """An address that parcels can go to. With `is_default` it is offered first, in place of the one before."""

    example: ClassVar[dict[str, Any]] = {"name": "Ada Marker", "address": "1 St\nYork", "is_default": True}

    name: Name
    address: MultilineText
    is_default: bool = False


class SavedAddress(Struct, frozen=True):
    """An address of the address book."""

    address_id: UUID
    name: str
    address: str
    is_default: bool


class AddressBook(Struct, frozen=True):
    """The addresses of a person, in the order in which they were added."""

    results: list[SavedAddress]


class LetterPreferences(Struct, frozen=True, forbid_unknown_fields=True):
    """The language of letters, `en` or `de`, and the time zone of the times in them, such as `Europe/Berlin`."""

    example: ClassVar[dict[str, Any]] = {"language": "de", "time_zone": "Europe/Berlin"}

    language: NonEmptyText
    time_zone: NonEmptyText


class Addresses(OwnDataView):
    """A person's address book."""

    body: ClassVar[type[Struct]] = BookAddress
    access = Logged(Kind.STATE)
    status = 201
    needs_version = False
    scopes: ClassVar[dict[str, str]] = {"GET": "people:read", "POST": WRITE_SCOPES["POST"]}
    rights: ClassVar[Mapping[str, Rights]] = {**_READ, "POST": Rights(Audience.OWNER)}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": AddressBook, "POST": CommandReceipt}

    def get(self, request: Request, person_id: UUID) -> Response:
        """List the addresses."""
        refuse_unknown_parameters(request, ())
        require_self(request, person_id)
        book = load_person(person_id).address_book.values()
        saved = [SavedAddress(UUID(one.key), one.name, one.address, one.is_default) for one in book]
        return _with_version(AddressBook(saved), person_id)

    def post(self, request: Request, person_id: UUID) -> Response:
        """Add an address; `Location` is the address book."""
        require_self(request, person_id)
        body = request_parsing.parse_body(request, BookAddress)
        # The id follows from the command: sent twice, it is one address.
        return execute_command(
            request,
            lambda command_id, _: _save(person_id, derive_id("delivery-address", command_id), body),
            status=self.status,
            location=reverse(url_names.ADDRESSES, args=[person_id]),
            needs_version=False,
        )


class Address(OwnDataView):
    """One address of a person's address book."""

    body: ClassVar[type[Struct]] = BookAddress
    scopes: ClassVar[dict[str, str]] = {method: WRITE_SCOPES[method] for method in ("PUT", "DELETE")}
    rights: ClassVar[Mapping[str, Rights]] = {method: Rights(Audience.OWNER) for method in ("PUT", "DELETE")}

    def put(self, request: Request, person_id: UUID, address_id: UUID) -> Response:
        """Change the address."""
        require_self(request, person_id)
        body = request_parsing.parse_body(request, BookAddress)
        is_known = address_id in load_person(person_id).address_book
        if not (is_known or store.events_of_command(idempotency.command_id_from(request))):
            raise NotFound
        return self.execute(request, person_id, lambda _: _save(person_id, address_id, body))

    def delete(self, request: Request, person_id: UUID, address_id: UUID) -> Response:
        """Take the address out of the book; one that is already out stays out."""
        require_self(request, person_id)
        saved = (recorded.event for recorded in load_person(person_id).events)
        if not any(isinstance(event, DeliveryAddressSaved) and event.address_id == address_id for event in saved):
            raise NotFound
        return self.execute(request, person_id, lambda _: RemoveDeliveryAddress(person_id, address_id, "api"))


class LetterSettings(OwnDataView):
    """The language and the time zone in which a person is written to."""

    body: ClassVar[type[Struct]] = LetterPreferences
    access = Logged(Kind.STATE)
    scopes: ClassVar[dict[str, str]] = {"GET": "people:read", "PUT": WRITE_SCOPES["PUT"]}
    rights: ClassVar[Mapping[str, Rights]] = {**_READ, "PUT": Rights(Audience.OWNER)}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": LetterPreferences, "PUT": CommandReceipt}

    def get(self, request: Request, person_id: UUID) -> Response:
        """The choice; without one, what the shop uses."""
        refuse_unknown_parameters(request, ())
        require_self(request, person_id)
        chosen = load_person(person_id).preferences
        return _with_version(LetterPreferences(chosen.language.partition("-")[0], chosen.time_zone), person_id)

    def put(self, request: Request, person_id: UUID) -> Response:
        """Choose them."""
        require_self(request, person_id)
        body = request_parsing.parse_body(request, LetterPreferences)
        return self.execute(
            request, person_id, lambda _: ChangePreferences(person_id, body.language, body.time_zone, "api")
        )


def _save(person_id: UUID, address_id: UUID, body: BookAddress) -> SaveDeliveryAddress:
    return SaveDeliveryAddress(person_id, address_id, body.name, body.address, body.is_default, "api")


def _with_version(body: Struct, person_id: UUID) -> Response:
    """The body, with the version of the person's stream as its entity tag."""
    versions = StoredEvent.objects.filter(aggregate_id=person_id).order_by("-version").values_list("version", flat=True)
    response = Response(msgspec.to_builtins(body))
    response["ETag"] = etag(versions[0])
    return response
