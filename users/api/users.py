"""What people decide about their data, as resources: each person for themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, Event, NonEmptyText, Text
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import execute_command
from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import NotAllowed, NotFound
from users.application.accounts import person_of
from users.application.customer_adapter import load_person
from users.application.emails import EmailNotSent, send_email
from users.domain.commands import (
    CancelErasure,
    ChangeContactDetails,
    GrantConsent,
    LiftRestriction,
    RequestErasure,
    RestrictProcessing,
    WithdrawConsent,
)
from users.domain.errors import AlreadyErased
from users.domain.events import ConsentGranted, ContactDetailsChanged, ErasureRequested, Lines
from users.domain.purposes import PURPOSES, consent_expiry, get_purpose
from users.pages.erasure_views import erasure_link, erasure_token

log = logging.getLogger(__name__)

WRITE_SCOPES: Final = {"PUT": "people:write", "POST": "people:write", "DELETE": "people:write"}
#: For purposes that are not asked about: the rules then refuse the consent, whatever it says.
NO_EXPIRY: Final = datetime.max.replace(tzinfo=UTC)


class ContactData(Struct, frozen=True, forbid_unknown_fields=True):
    """Name and contact details, all of them. Another e-mail address is given on the page: it needs a letter."""

    example: ClassVar[dict[str, Any]] = {"name": "Ada Marker", "phone": "", "address": "1 St\nYork"}

    name: NonEmptyText
    phone: Text = ""
    address: Lines = ""


class ConsentGrant(Struct, frozen=True, forbid_unknown_fields=True):
    """The version of the notice whose words the person was shown."""

    example: ClassVar[dict[str, Any]] = {"notice": "2026-01"}

    notice: NonEmptyText


class RestrictionReason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the data is to be kept and not used (Art. 18 GDPR)."""

    example: ClassVar[dict[str, Any]] = {"reason": "My address is wrong"}

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class OwnDataView(ApiView):
    """Something of one person, for that person alone; anybody else is not told that there is one."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    status: ClassVar[int] = 200

    def carry_out(self, request: Request, user_id: UUID, command: Callable[[Event | None], Command]) -> Response:
        require_self(request, user_id)
        location, status = reverse("api-person", args=[user_id]), 200 if request.method == "DELETE" else self.status
        return execute_command(request, lambda _, before: command(before), status=status, location=location)


class ContactDetails(OwnDataView):
    """A person's name and contact details."""

    body: ClassVar[type[Struct]] = ContactData

    def put(self, request: Request, user_id: UUID) -> Response:
        """Put them right."""
        require_self(request, user_id)
        asked = request_parsing.parse_body(request, ContactData)

        def command(before: Event | None) -> Command:
            email = before.email if isinstance(before, ContactDetailsChanged) else _email_of(user_id)
            return ChangeContactDetails(user_id, str(email), asked.name, asked.phone, asked.address, "api")

        return self.carry_out(request, user_id, command)


class Consent(OwnDataView):
    """What a person agrees to, purpose by purpose."""

    body: ClassVar[type[Struct]] = ConsentGrant

    def put(self, request: Request, user_id: UUID, term: str) -> Response:
        """Agree to a purpose, in the words of the notice that is shown now."""
        require_self(request, user_id)
        _require_purpose(term)
        asked, now = request_parsing.parse_body(request, ConsentGrant), datetime.now(UTC)

        def command(before: Event | None) -> Command:
            lasts = get_purpose(term).duration
            at = before.expires_at - lasts if isinstance(before, ConsentGranted) and lasts else now
            return GrantConsent(user_id, term, asked.notice, at, consent_expiry(term, at) or NO_EXPIRY, "api")

        return self.carry_out(request, user_id, command)

    def delete(self, request: Request, user_id: UUID, term: str) -> Response:
        """Take a consent back."""
        require_self(request, user_id)
        _require_purpose(term)
        return self.carry_out(request, user_id, lambda _: WithdrawConsent(user_id, term, "api"))


class Restriction(OwnDataView):
    """Whether a person's data may be used."""

    body: ClassVar[type[Struct]] = RestrictionReason

    def put(self, request: Request, user_id: UUID) -> Response:
        """Have the data kept, and not used."""
        require_self(request, user_id)
        asked = request_parsing.parse_body(request, RestrictionReason)
        return self.carry_out(request, user_id, lambda _: RestrictProcessing(user_id, asked.reason, "api"))

    def delete(self, request: Request, user_id: UUID) -> Response:
        """Let it be used again."""
        return self.carry_out(request, user_id, lambda _: LiftRestriction(user_id, "api"))


class ErasureRequest(OwnDataView):
    """A person's wish to be erased."""

    status = 202

    def post(self, request: Request, user_id: UUID) -> Response:
        """Ask for it. Until the cooling-off is over it can be taken back; `Location` tells how it goes.

        Whoever has that address sees it: in the end there is nobody left who could sign in. By a token only: in a
        browser the page asks for the password first.
        """
        require_self(request, user_id)
        if not isinstance(request.auth, ApiToken):
            raise NotAllowed("In a browser this is asked for on the page, with the password")
        cooling_off, now = timedelta(days=settings.ERASURE_COOLING_OFF_DAYS), datetime.now(UTC)

        def command(before: Event | None) -> Command:
            due = before.due_at if isinstance(before, ErasureRequested) else now + cooling_off
            return RequestErasure(user_id, due - cooling_off, due, "api")

        response = self.carry_out(request, user_id, command)
        response["Location"] = request.build_absolute_uri(reverse("api-erasure-status", args=[erasure_token(user_id)]))
        if response.data["events"] and "Idempotency-Replayed" not in response:
            _send_erasure_email(request, user_id, now + cooling_off)
        return response

    def delete(self, request: Request, user_id: UUID) -> Response:
        """Change one's mind."""
        return self.carry_out(request, user_id, lambda _: CancelErasure(user_id, "api"))


def require_self(request: Request, user_id: UUID) -> None:
    if person_of(require_login(request)) != user_id:
        raise NotFound


def _require_purpose(term: str) -> None:
    if term not in PURPOSES:
        raise NotFound(f"No data is used for {term!r} here; there are {', '.join(PURPOSES)}")


def _email_of(user_id: UUID) -> str:
    contact = load_person(user_id).contact
    if contact is None:
        raise AlreadyErased(user=user_id)
    return contact.email


def _send_erasure_email(request: Request, user_id: UUID, due: datetime) -> None:
    """The letter that the page sends too; the answer holds the link in any case."""
    days = settings.ERASURE_COOLING_OFF_DAYS
    try:
        send_email(request._request, _email_of(user_id), "erasure", link=erasure_link(user_id), due=due, days=days)
    except EmailNotSent:
        log.warning("erasure asked for by API: no letter was sent")
