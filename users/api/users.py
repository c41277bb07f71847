"""Commands of users as REST resources. Each person can change only their own data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, Event, MultilineText, Name, NonEmptyText, Text
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import execute_command
from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import NotAllowed, NotFound
from users.api import url_names
from users.application.accounts import person_of
from users.application.customer_adapter import load_person
from users.application.emails import EmailNotSent, send_email_to
from users.application.erasure_links import erasure_link, erasure_token
from users.domain.categories import DESCRIPTIONS
from users.domain.commands import (
    CancelErasure,
    ChangeContactDetails,
    EraseData,
    GrantConsent,
    LiftRestriction,
    RequestErasure,
    RestrictProcessing,
    WithdrawConsent,
)
from users.domain.errors import AlreadyErased
from users.domain.events import ConsentGranted, ContactDetailsChanged, ErasureRequested, PartOfData
from users.domain.purposes import PURPOSES, consent_expiry, get_purpose

log = logging.getLogger(__name__)

WRITE_SCOPES: Final = {"PUT": "people:write", "POST": "people:write", "DELETE": "people:write"}
#: Expiry for purposes without consent; the aggregate refuses such a consent anyway.
NO_EXPIRY: Final = datetime.max.replace(tzinfo=UTC)


class ContactData(Struct, frozen=True, forbid_unknown_fields=True):
    """Name and contact details. The e-mail address can be changed on the page only, because it must be confirmed."""

    example: ClassVar[dict[str, Any]] = {"name": "Ada Marker", "phone": "", "address": "1 St\nYork"}

    name: Name
    phone: Text = ""
    address: MultilineText = ""


class ConsentGrant(Struct, frozen=True, forbid_unknown_fields=True):
    """The version of the privacy notice that the person was shown."""

    example: ClassVar[dict[str, Any]] = {"notice": "2026-01"}

    notice: NonEmptyText


class RestrictionReason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the processing is to be restricted (Art. 18 GDPR)."""

    example: ClassVar[dict[str, Any]] = {"reason": "My address is wrong"}

    reason: NonEmptyText


class OwnDataView(ApiView):
    """Base of the views for a person's own data. Everybody else gets 404."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    rights: ClassVar[Mapping[str, Rights]] = {method: Rights(Audience.OWNER) for method in WRITE_SCOPES}
    status: ClassVar[int] = 200

    def execute(self, request: Request, person_id: UUID, command: Callable[[Event | None], Command]) -> Response:
        """Build and send a command; it gets the first event of an earlier request with the same idempotency key."""
        require_self(request, person_id)
        location, status = (
            reverse(url_names.PERSON, args=[person_id]),
            200 if request.method == "DELETE" else self.status,
        )
        return execute_command(
            request, lambda _, earlier_event: command(earlier_event), status=status, location=location
        )


class ContactDetails(OwnDataView):
    """A person's name and contact details."""

    body: ClassVar[type[Struct]] = ContactData

    def put(self, request: Request, person_id: UUID) -> Response:
        """Replace them."""
        require_self(request, person_id)
        body = request_parsing.parse_body(request, ContactData)

        def command(earlier_event: Event | None) -> Command:
            email = earlier_event.email if isinstance(earlier_event, ContactDetailsChanged) else _email_of(person_id)
            return ChangeContactDetails(person_id, str(email), body.name, body.phone, body.address, "api")

        return self.execute(request, person_id, command)


class Consent(OwnDataView):
    """A person's consent to one purpose."""

    body: ClassVar[type[Struct]] = ConsentGrant

    def put(self, request: Request, person_id: UUID, term: str) -> Response:
        """Grant the consent, in the wording of the current privacy notice."""
        require_self(request, person_id)
        _require_purpose(term)
        body, now = request_parsing.parse_body(request, ConsentGrant), datetime.now(UTC)

        def command(earlier_event: Event | None) -> Command:
            duration = get_purpose(term).duration
            at = earlier_event.expires_at - duration if isinstance(earlier_event, ConsentGranted) and duration else now
            return GrantConsent(person_id, term, body.notice, at, consent_expiry(term, at) or NO_EXPIRY, "api")

        return self.execute(request, person_id, command)

    def delete(self, request: Request, person_id: UUID, term: str) -> Response:
        """Withdraw the consent."""
        require_self(request, person_id)
        _require_purpose(term)
        return self.execute(request, person_id, lambda _: WithdrawConsent(person_id, term, "api"))


class Restriction(OwnDataView):
    """The restriction of processing of a person's data (Art. 18 GDPR)."""

    body: ClassVar[type[Struct]] = RestrictionReason

    def put(self, request: Request, person_id: UUID) -> Response:
        """Restrict the processing."""
        require_self(request, person_id)
        body = request_parsing.parse_body(request, RestrictionReason)
        return self.execute(request, person_id, lambda _: RestrictProcessing(person_id, body.reason, "api"))

    def delete(self, request: Request, person_id: UUID) -> Response:
        """Lift the restriction."""
        return self.execute(request, person_id, lambda _: LiftRestriction(person_id, "api"))


class ErasedCategories(Struct, frozen=True, forbid_unknown_fields=True):
    """The categories of data that are erased: the person stays a customer."""

    example: ClassVar[dict[str, Any]] = {"categories": ["notes"]}

    categories: Annotated[tuple[PartOfData, ...], msgspec.Meta(min_length=1, max_length=len(DESCRIPTIONS))]


class CategoryErasure(OwnDataView):
    """The erasure of categories of a person's data."""

    body: ClassVar[type[Struct]] = ErasedCategories
    status = 202

    def post(self, request: Request, person_id: UUID) -> Response:
        """Erase them; it cannot be undone. Only requests with an API token are accepted, as for the whole erasure."""
        require_self(request, person_id)
        require_token(request)
        body = request_parsing.parse_body(request, ErasedCategories)
        return self.execute(
            request, person_id, lambda _: EraseData(person_id, categories=body.categories, source="api")
        )


class ErasureRequest(OwnDataView):
    """A person's request for erasure (Art. 17 GDPR)."""

    can_be_batched = False
    status = 202

    def post(self, request: Request, person_id: UUID) -> Response:
        """Request erasure. It can be cancelled during the cooling-off period; `Location` is its status resource.

        The status resource needs no authentication, because an erased person cannot sign in. Only requests with an
        API token are accepted: in a browser, the page checks the password first.
        """
        require_self(request, person_id)
        require_token(request)
        cooling_off, now = timedelta(days=settings.ERASURE_COOLING_OFF_DAYS), datetime.now(UTC)

        def command(earlier_event: Event | None) -> Command:
            due = earlier_event.due_at if isinstance(earlier_event, ErasureRequested) else now + cooling_off
            return RequestErasure(person_id, due - cooling_off, due, "api")

        response = self.execute(request, person_id, command)
        response["Location"] = request.build_absolute_uri(
            reverse("api-erasure-status", args=[erasure_token(person_id)])
        )
        if response.data["events"] and "Idempotency-Replayed" not in response:
            _send_erasure_email(person_id, now + cooling_off)
        return response

    def delete(self, request: Request, person_id: UUID) -> Response:
        """Cancel the request."""
        return self.execute(request, person_id, lambda _: CancelErasure(person_id, "api"))


def require_token(request: Request) -> None:
    """Raise `NotAllowed` for a browser session, which somebody else may have found open."""
    if not isinstance(request.auth, ApiToken):
        raise NotAllowed("With a browser session, request erasure on the page, which checks the password")


def require_self(request: Request, person_id: UUID) -> None:
    if person_of(require_login(request)) != person_id:
        raise NotFound


def _require_purpose(term: str) -> None:
    if term not in PURPOSES:
        raise NotFound(f"There is no purpose {term!r}; the purposes are {', '.join(PURPOSES)}")


def _email_of(person_id: UUID) -> str:
    contact = load_person(person_id).contact
    if contact is None:
        raise AlreadyErased(user=person_id)
    return contact.email


def _send_erasure_email(person_id: UUID, due: datetime) -> None:
    """Send the same e-mail as the page. If it fails, the response still holds the link."""
    days = settings.ERASURE_COOLING_OFF_DAYS
    try:
        send_email_to(
            person_id, _email_of(person_id), "erasure", link=erasure_link(person_id), is_answer=True, due=due, days=days
        )
    except EmailNotSent:
        log.warning("erasure was requested by API, but the e-mail with its link was not sent")
