"""A saga and an aggregate that do what the words of their messages say, also what they should not: for engine tests."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import CommandRefused
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event, Meta, NonEmptyText, new_id
from eventshop.core.saga import (
    CancelTimer,
    CompensationRequested,
    Effect,
    EffectResult,
    RefusedCommand,
    Saga,
    SagaAction,
    StartTimer,
    TimerFired,
)
from eventshop.sagas.saga_registry import SagaRegistry

#: Failures that are switched on: `say word`, `hear word`, `shout word`.
trouble: set[str] = set()


class TooMuch(CommandRefused):
    """This word is refused."""

    code = "too-much"


class Say(Command, frozen=True):
    whom: UUID
    word: NonEmptyText


class Said(Event, frozen=True):
    whom: UUID
    word: NonEmptyText


class Moody(Aggregate[Say, Said], frozen=True):
    """Says every word, unless the word is `no` or in `trouble`."""

    @staticmethod
    def id_of(command: Say) -> UUID:
        return command.whom

    def decide(self, command: Say) -> list[Said]:
        if command.word == "no":
            raise TooMuch(word=command.word)
        if f"say {command.word}" in trouble:
            raise RuntimeError(f"a bug at {command.word}")
        return [Said(command.whom, command.word)]

    def evolve(self, event: Said) -> Self:
        return self


class Shout(Effect, frozen=True):
    word: NonEmptyText


class Echo(EffectResult, frozen=True):
    word: NonEmptyText


EchoingMessage: TypeAlias = Said | Echo | RefusedCommand | TimerFired | CompensationRequested


class Echoing(Saga[EchoingMessage], frozen=True):
    """Does with `verb:word` what the verb says; remembers the words of all messages."""

    kind: ClassVar[str] = "echoing"

    whom: UUID = UUID(int=0)
    words: tuple[str, ...] = ()

    @staticmethod
    def subject_of(event: Said) -> UUID:
        return event.whom

    @staticmethod
    def starts_with(event: Said, meta: Meta) -> bool:
        return event.word == "hello"

    def react(self, message: EchoingMessage) -> list[SagaAction]:
        word = _word(message)
        if f"hear {word}" in trouble:
            raise RuntimeError(f"cannot bear {word}")
        verb, _, rest = word.partition(":")
        match verb:
            case "say":
                return [Say(self.whom, part) for part in rest.split(",")]
            case "shout":
                return [Shout(rest)]
            case "wait":
                return [StartTimer(rest, after=timedelta(hours=1))]
            case "stop":
                return [CancelTimer(rest)]
            case _:
                return []

    def evolve(self, message: EchoingMessage) -> Self:
        whom = message.whom if isinstance(message, Said) else self.whom
        return replace(self, whom=whom, words=(*self.words, _word(message)))

    @property
    def ended(self) -> bool:
        return "bye" in self.words


class EchoingTwice(Echoing, frozen=True):
    """Another version of the same saga: it remembers every word twice."""

    version: ClassVar[int] = 2

    def evolve(self, message: EchoingMessage) -> Self:
        after = super().evolve(message)
        return replace(after, words=(*after.words, after.words[-1]))


def _word(message: EchoingMessage) -> str:
    match message:
        case Said(word=word) | Echo(word=word):
            return word
        case RefusedCommand(code=code):
            return f"refused {code}"
        case TimerFired(name=name):
            return f"time for {name}"
        case CompensationRequested(reason=reason):
            return f"undo: {reason}"


def perform_shout(effect: Shout, key: UUID) -> EffectResult | None:
    if effect.word == "into the void":
        return None
    if f"shout {effect.word}" in trouble:
        raise RuntimeError("hoarse")
    return Echo(f"{effect.word}!")


mood_registry = MessageRegistry()
mood_registry.add(Moody)


def echoing_registry(*versions: type[Echoing]) -> SagaRegistry:
    sagas = SagaRegistry()
    for version in versions or (Echoing,):
        sagas.register(version)
    sagas.register_effect(Shout, perform_shout)
    return sagas


def new_person() -> UUID:
    return new_id()
