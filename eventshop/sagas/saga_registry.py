"""The registry of sagas: their versions, the messages each handles, and the handlers of their effects."""

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
#: Performs an effect under an idempotency key. None means that the result is not known yet: it is called again later,
#: as it is after an exception.
EffectHandler: TypeAlias = Callable[[F, UUID], EffectResult | None]


class SagaRegistry:
    """Saga classes by kind and version, and the handlers of their effects.

    Raises `RegistryError` for a saga that declares no messages, `DuplicateName` for two classes of one version.
    """

    def __init__(self) -> None:
        self.versions_by_kind: dict[str, dict[int, AnySaga]] = {}
        self.effects: dict[str, type[Effect]] = {}
        self._handlers: dict[type[Effect], EffectHandler[Any]] = {}
        self._recall_handlers: dict[type[Effect], EffectHandler[Any]] = {}
        self._kinds_by_event: dict[type[Event], list[str]] = {}
        self._effect_results: dict[AnySaga, dict[str, type[EffectResult]]] = {}

    def register(self, saga: AnySaga) -> None:
        """Add a saga. An old version stays registered until the last saga that it started has ended."""
        message_types = messages_handled_by(saga)
        versions = self.versions_by_kind.setdefault(saga.kind, {})
        if versions.setdefault(saga.version, saga) is not saga:
            raise DuplicateName(saga=saga.kind, version=saga.version)
        self._effect_results[saga] = {kind.__name__: kind for kind in message_types if issubclass(kind, EffectResult)}
        for event in (kind for kind in message_types if issubclass(kind, Event)):
            kinds = self._kinds_by_event.setdefault(event, [])
            if saga.kind not in kinds:
                kinds.append(saga.kind)

    def register_effect(self, effect: type[F], handler: EffectHandler[F]) -> None:
        """Set the handler of an effect; a second call replaces the first handler."""
        self.effects[effect.__name__] = effect
        self._handlers[effect] = handler

    def register_recall(self, effect: type[F], handler: EffectHandler[F]) -> None:
        """Set the handler of an effect that may have been performed before, and of which no record is left here."""
        self._recall_handlers[effect] = handler

    def get(self, kind: str, version: int) -> AnySaga:
        try:
            return self.versions_by_kind[kind][version]
        except KeyError:
            raise UnknownSaga(kind=kind, version=version) from None

    def newest_version(self, kind: str) -> AnySaga:
        return self.versions_by_kind[kind][max(self.versions_by_kind[kind])]

    def is_newer(self, kind: str, version: int) -> bool:
        """Whether only a newer release knows this version of a kind."""
        return kind in self.versions_by_kind and version > max(self.versions_by_kind[kind])

    def kinds_handling(self, event: type[Event]) -> Iterable[str]:
        """The kinds of sagas that handle an event."""
        return self._kinds_by_event.get(event, ())

    def effect_result_type(self, saga: AnySaga, name: str) -> type[EffectResult]:
        try:
            return self._effect_results[saga][name]
        except KeyError:
            raise UnknownSaga(
                f"{saga.kind} does not handle the effect result {name}", kind=saga.kind, answer=name
            ) from None

    def effect_handler(self, name: str, *, recalled: bool = False) -> tuple[type[Effect], EffectHandler[Any]]:
        """The class of an effect and its handler; the one for a recalled effect, if there is one."""
        try:
            effect = self.effects[name]
            handler = self._handlers[effect]
            return effect, self._recall_handlers.get(effect, handler) if recalled else handler
        except KeyError:
            raise UnknownEffect(effect=name) from None


def messages_handled_by(saga: AnySaga) -> list[type]:
    """The message types in the declaration of a saga. Raises `RegistryError` when it declares none."""
    for base in getattr(saga, "__orig_bases__", ()):
        if get_origin(base) is Saga:
            [union] = get_args(base)
            return list(get_args(union) or (union,))
    raise RegistryError(f"{saga.__name__}: declare it as Saga[the messages it handles]", saga=saga.__name__)


#: The registry of this program. Domain modules register their sagas when they are imported.
saga_registry = SagaRegistry()
