"""Which sagas there are, which events each hears, and who carries out their effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar, get_args, get_origin
from uuid import UUID

from eventshop.core.errors import DuplicateName, RegistryError
from eventshop.core.messages import Event
from eventshop.core.saga import Effect, EffectResult, Saga
from eventshop.sagas.errors import UnknownEffect, UnknownSaga

AnySaga: TypeAlias = type[Saga[Any]]
F = TypeVar("F", bound=Effect)
#: Carries out an effect under a key; None: not known yet, ask again later. What it raises is tried again, too.
EffectHandler: TypeAlias = Callable[[F, UUID], EffectResult | None]


class SagaRegistry:
    """The sagas of a program by kind and version, and the handlers of their effects.

    Raises `RegistryError` for a declaration that says nothing, `DuplicateName` for a second one of the same version.
    """

    def __init__(self) -> None:
        self.versions_by_kind: dict[str, dict[int, AnySaga]] = {}
        self.effects: dict[str, type[Effect]] = {}
        self._handlers: dict[type[Effect], EffectHandler[Any]] = {}
        self._hears: dict[type[Event], list[str]] = {}
        self._answers: dict[AnySaga, dict[str, type[EffectResult]]] = {}

    def register(self, saga: AnySaga) -> None:
        """Add a saga. Versions that have started sagas stay in the catalogue until the last of those has ended."""
        heard = messages_handled_by(saga)
        versions = self.versions_by_kind.setdefault(saga.kind, {})
        if versions.setdefault(saga.version, saga) is not saga:
            raise DuplicateName(saga=saga.kind, version=saga.version)
        self._answers[saga] = {kind.__name__: kind for kind in heard if issubclass(kind, EffectResult)}
        for event in (kind for kind in heard if issubclass(kind, Event)):
            kinds = self._hears.setdefault(event, [])
            if saga.kind not in kinds:
                kinds.append(saga.kind)

    def register_effect(self, effect: type[F], handler: EffectHandler[F]) -> None:
        """Name who carries out an effect; a second call replaces the first."""
        self.effects[effect.__name__] = effect
        self._handlers[effect] = handler

    def get(self, kind: str, version: int) -> AnySaga:
        try:
            return self.versions_by_kind[kind][version]
        except KeyError:
            raise UnknownSaga(kind=kind, version=version) from None

    def newest_version(self, kind: str) -> AnySaga:
        return self.versions_by_kind[kind][max(self.versions_by_kind[kind])]

    def kinds_handling(self, event: type[Event]) -> Iterable[str]:
        """The kinds that hear an event."""
        return self._hears.get(event, ())

    def effect_result_type(self, saga: AnySaga, name: str) -> type[EffectResult]:
        try:
            return self._answers[saga][name]
        except KeyError:
            raise UnknownSaga(f"{saga.kind} does not hear the answer {name}", kind=saga.kind, answer=name) from None

    def effect_handler(self, name: str) -> tuple[type[Effect], EffectHandler[Any]]:
        try:
            effect = self.effects[name]
            return effect, self._handlers[effect]
        except KeyError:
            raise UnknownEffect(effect=name) from None


def messages_handled_by(saga: AnySaga) -> list[type]:
    """Everything a saga's declaration says it hears."""
    for base in getattr(saga, "__orig_bases__", ()):
        if get_origin(base) is Saga:
            [union] = get_args(base)
            return list(get_args(union) or (union,))
    raise RegistryError(f"{saga.__name__}: declare it as Saga[what it hears]", saga=saga.__name__)


#: The program's own sagas. Domain modules add theirs when they are imported.
saga_registry = SagaRegistry()
