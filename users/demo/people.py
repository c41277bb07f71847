"""People of the demo: some with consents, and one whose erasure was asked for two weeks ago and is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from users.domain.commands import CreateUser, GrantConsent, RequestErasure, WithdrawConsent
from users.domain.privacy_notices import current_notice
from users.domain.purposes import consent_expiry

#: Name, and the purposes that the person consented to; a withdrawn one in brackets.
PEOPLE: Final[dict[str, tuple[str, ...]]] = {
    "Mina Okafor": ("DirectMarketing", "Personalisation"),
    "Jonas Weber": ("DirectMarketing",),
    "Aiko Tanaka": ("Personalisation",),
    "Priya Nair": ("(DirectMarketing)",),
    "Luc Moreau": (),
}
ERASED: Final = "Hazel Brook"
JOINED_AGO: Final = timedelta(days=30)
COOLING_OFF: Final = timedelta(days=14)


def people_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """Everybody signs up; the worker erases the person whose erasure is due as soon as it runs."""
    joined_at = now - JOINED_AGO
    commands: list[tuple[Command, Envelope]] = []
    for name in [*PEOPLE, ERASED]:
        person = person_id(name)
        commands.append(_send(person, CreateUser(person, f"{name.split()[0].lower()}@example.net", name), joined_at))
        for purpose in PEOPLE.get(name, ()):
            commands += _consents(person, purpose, joined_at + timedelta(minutes=2))
    asked_at = now - COOLING_OFF - timedelta(minutes=5)
    erased = person_id(ERASED)
    commands.append(_send(erased, RequestErasure(erased, asked_at, asked_at + COOLING_OFF), asked_at))
    return commands


def person_id(name: str) -> UUID:
    return derive_id("demo-person", name)


def _consents(person: UUID, purpose: str, at: datetime) -> list[tuple[Command, Envelope]]:
    term = purpose.strip("()")
    expires_at = consent_expiry(term, at)
    if expires_at is None:
        raise ValueError(f"{term} needs no consent")
    commands = [_send(person, GrantConsent(person, term, current_notice(at).version, at, expires_at), at)]
    if term != purpose:
        withdrawn_at = at + timedelta(days=6)
        commands.append(_send(person, WithdrawConsent(person, term), withdrawn_at))
    return commands


def _send(person: UUID, command: Command, at: datetime) -> tuple[Command, Envelope]:
    about = getattr(command, "purpose", "")
    command_id = derive_id("demo-person-command", person, f"{type(command).__name__} {about}")
    return command, Envelope(command_id, actor=str(person), occurred_at=at, correlation_id=person)
