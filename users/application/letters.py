"""The letters about an account and its data: what changed, what ends, and what is erased."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from eventshop.core.messages import Meta
from eventshop.core.personal_fields import Redacted
from eventshop.datetimes import format_date
from eventshop.eventstore.event_store import store
from eventshop.web.letters.letter import Action, Letter, site_url
from eventshop.web.letters.letter_kinds import LetterKind
from users.application.customer_adapter import load_person
from users.application.erasure_links import erasure_link
from users.domain.events import (
    ConsentGranted,
    ContactDetailsChanged,
    ErasureBegun,
    ErasureCancelled,
    UserCreated,
)
from users.domain.purposes import get_purpose

BECAUSE: Final = gettext_noop("You get this letter because it is about your account and your data.")
#: How long before a consent ends its owner is told.
CONSENT_NOTICE: Final = timedelta(days=14)


def _person(event: Any) -> UUID:
    user_id: UUID = event.user_id
    return user_id


def _consent_ends(event: ConsentGranted, meta: Meta) -> Letter | None:
    if load_person(event.user_id).state.consents.get(event.purpose) != event.expires_at:
        return None  # withdrawn, or given again
    purpose = get_purpose(event.purpose)
    return Letter(
        _("Your consent ends on {day}").format(day=format_date(event.expires_at)),
        [
            # In the words in which they agreed.
            _("You agreed to: {purpose}").format(purpose=f"{purpose.label}. {purpose.description}"),
            _("If you want that to go on, agree again. If not, there is nothing to do: it ends by itself."),
        ],
        action=Action(_("Look at your consents"), site_url(reverse("users:consents"))),
        because=_(BECAUSE),
    )


def _before_it_ends(event: ConsentGranted, meta: Meta) -> datetime:
    return max(meta.occurred_at, event.expires_at - CONSENT_NOTICE)


def _details_changed(event: ContactDetailsChanged, meta: Meta) -> Letter | None:
    before = _former_details(event, meta)
    names = {"email": _("e-mail address"), "name": _("name"), "phone": _("phone number"), "address": _("address")}
    changed = [label for field, label in names.items() if before and getattr(event, field) != getattr(before, field)]
    if not changed:
        return None
    signs_in = [_("You sign in with {email} now.").format(email=event.email)] if names["email"] in changed else []
    return Letter(
        _("Your details were changed"),
        [
            _("Changed: {details}.").format(details=", ".join(changed)),
            *signs_in,
            _(
                "If it was you, there is nothing to do. If it was not you, choose a new password at once: "
                "that signs out everybody else and ends all API tokens."
            ),
        ],
        action=Action(_("Choose a new password"), site_url(reverse("users:reset"))),
        because=_(BECAUSE),
    )


def _former_address(event: ContactDetailsChanged, meta: Meta) -> str:
    """The address before the change: whoever changed it must not be the only one to be told."""
    before = _former_details(event, meta)
    return "" if before is None or isinstance(before.email, Redacted) else before.email


def _former_details(event: ContactDetailsChanged, meta: Meta) -> UserCreated | ContactDetailsChanged | None:
    events = (recorded.event for recorded in store.get_events(meta.aggregate_id, to_version=meta.version - 1))
    details = [one for one in events if isinstance(one, UserCreated | ContactDetailsChanged)]
    return details[-1] if details else None


def _erasure_cancelled(event: ErasureCancelled, meta: Meta) -> Letter:
    return Letter(
        _("Your account stays"),
        [_("The erasure of your data was cancelled. Your account stays as it is.")],
        action=Action(_("See your data"), site_url(reverse("users:home"))),
        because=_(BECAUSE),
    )


def _erasure_begun(event: ErasureBegun, meta: Meta) -> Letter:
    return Letter(
        _("Your data is being erased"),
        [
            _("We are erasing your data now; nobody can stop it any more."),
            _(
                "This is our last letter: when it is done, we no longer have your address. This link shows how far "
                "it is, and your certificate as soon as everything is erased. It works without signing in; keep it."
            ),
        ],
        action=Action(_("Follow the erasure"), site_url(erasure_link(event.user_id))),
        because=_(BECAUSE),
    )


ACCOUNT_LETTERS: Final[list[LetterKind[Any]]] = [
    LetterKind(
        kind="consent-ends",
        label="a consent is about to end",
        event=ConsentGranted,
        compose=_consent_ends,
        person=_person,
        due=_before_it_ends,
        purpose="LegalCompliance",
    ),
    LetterKind(
        kind="details-changed",
        label="your details were changed",
        event=ContactDetailsChanged,
        compose=_details_changed,
        person=_person,
        purpose="LegalCompliance",
        address=_former_address,
    ),
    LetterKind(
        kind="erasure-cancelled",
        label="the erasure was cancelled",
        event=ErasureCancelled,
        compose=_erasure_cancelled,
        person=_person,
        purpose="LegalCompliance",
    ),
    LetterKind(
        kind="erasure-begun",
        label="the erasure has begun",
        event=ErasureBegun,
        compose=_erasure_begun,
        person=_person,
        asks=False,  # nothing but the erasure itself is recorded of a person whose data is being erased
    ),
]
