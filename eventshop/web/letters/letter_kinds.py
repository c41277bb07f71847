"""The kinds of letters. Each says which event it is about, to whom it goes, on which ground, and composes itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.utils.translation import get_language

from eventshop.core.messages import Event, Meta
from eventshop.privacy.processing import DataUse, use_personal_data
from eventshop.projections.effects.effect_projection import (
    Act,
    EffectNotNeeded,
    EffectProjection,
    EffectRequest,
    EffectRule,
)
from eventshop.web.letters.letter import Letter, written_to
from eventshop.web.letters.mail import prepare_mail
from eventshop.web.shared.customer_port import current_adapter

E = TypeVar("E", bound=Event)

#: All letters. One cursor reads the events for every kind.
LETTERS: Final = EffectProjection("letters")
_kinds: Final[dict[str, LetterKind[Any]]] = {}


def customer_of(event: Any) -> UUID | None:
    """The customer of an event of an order."""
    customer: UUID | None = event.customer_id
    return customer


def when_it_happened(event: Any, meta: Meta) -> datetime:
    return meta.occurred_at


@dataclass(frozen=True, kw_only=True)
class LetterKind(Generic[E]):
    """One kind of letter.

    `compose` gives the letter, or None if there is nothing to say any more. `purpose` is the term of the Data Privacy
    Vocabulary that it is sent for: without a ground it is not sent. `address` is the e-mail address, if it is another
    than the person's present one; `asks` is off where the law orders a letter to somebody whose uses nobody records.
    """

    kind: str
    label: str
    event: type[E]
    compose: Callable[[E, Meta], Letter | None]
    person: Callable[[E], UUID | None] = customer_of
    due: Callable[[E, Meta], datetime] = when_it_happened
    purpose: str = "CustomerOrderManagement"
    address: Callable[[E, Meta], str] | None = None
    asks: bool = True


def register(kind: LetterKind[Any]) -> None:
    """Send letters of this kind. Raises `DuplicateName`."""
    LETTERS.register(EffectRule(kind.kind, kind.event, _prepare, kind.person, kind.due))
    _kinds[kind.kind] = kind


def letter_kinds() -> list[LetterKind[Any]]:
    return list(_kinds.values())


def letter_kind(name: str) -> LetterKind[Any] | None:
    return _kinds.get(name)


def compose_letter(request: EffectRequest) -> Letter:
    """Compose the letter of an event, as it would be sent now: in the language and the time zone of the person.

    Raises `EffectNotNeeded`.
    """
    with written_to(request.person) if request.person else nullcontext():
        letter = _kinds[request.kind].compose(request.event, request.meta)
        if letter is None:
            raise EffectNotNeeded("There is nothing to say any more")
        return letter._replace(language=get_language() or "")


def _prepare(request: EffectRequest) -> Act:
    """Ask for the ground of the letter, record it, and compose it. Raises `CommandRefused` without a ground."""
    kind = _kinds[request.kind]
    if request.person is None:
        raise EffectNotNeeded("It concerns nobody")
    address = kind.address(request.event, request.meta) if kind.address else _address_of(request.person)
    if not address:
        raise EffectNotNeeded("The person has no e-mail address here")
    letter = compose_letter(request)
    if kind.asks:
        use_personal_data(
            DataUse(
                request.person,
                kind.purpose,
                f"A letter: {kind.label}",
                ("e-mail address",),
                request.effect_id,
                about=request.meta.aggregate_id,
            )
        )
    return prepare_mail(letter, address, request.effect_id)


def _address_of(person: UUID) -> str:
    contact = current_adapter().contact_of(person)
    return contact.email if contact else ""
