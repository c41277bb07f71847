"""Sagas are found by kind, version and the events that they handle."""

from __future__ import annotations

from typing import Self

import pytest

from eventshop.core.errors import DuplicateName, RegistryError
from eventshop.core.saga import Effect, EffectResult, Saga, SagaAction, TimerFired
from eventshop.sagas.errors import UnknownEffect, UnknownSaga
from eventshop.sagas.saga_registry import SagaRegistry, messages_handled_by
from orders.domain.events import OrderCreated, OrderShipped


class Delivered(EffectResult, frozen=True):
    """A parcel has arrived."""


class Deliver(Effect, frozen=True):
    """Bring a parcel."""


class Delivery(Saga[OrderCreated | Delivered | TimerFired], frozen=True):
    kind = "delivery"

    def react(self, message: OrderCreated | Delivered | TimerFired) -> list[SagaAction]:
        return []

    def evolve(self, message: OrderCreated | Delivered | TimerFired) -> Self:
        return self


class NewDelivery(Saga[OrderShipped], frozen=True):
    kind = "delivery"
    version = 2

    def react(self, message: OrderShipped) -> list[SagaAction]:
        return []

    def evolve(self, message: OrderShipped) -> Self:
        return self


class Undeclared(Saga, frozen=True):  # type: ignore[type-arg]
    kind = "undeclared"


@pytest.fixture
def registry() -> SagaRegistry:
    registry = SagaRegistry()
    registry.register(Delivery)
    registry.register(NewDelivery)
    return registry


def test_the_declaration_lists_the_messages() -> None:
    assert messages_handled_by(Delivery) == [OrderCreated, Delivered, TimerFired]
    assert messages_handled_by(NewDelivery) == [OrderShipped]


def test_old_versions_stay_registered(registry: SagaRegistry) -> None:
    assert registry.get("delivery", 1) is Delivery
    assert registry.newest_version("delivery") is NewDelivery
    assert list(registry.kinds_handling(OrderCreated)) == list(registry.kinds_handling(OrderShipped)) == ["delivery"]
    with pytest.raises(UnknownSaga):
        registry.get("delivery", 3)


def test_one_version_has_one_class(registry: SagaRegistry) -> None:
    class Other(Delivery, frozen=True):
        __orig_bases__ = Delivery.__orig_bases__  # type: ignore[attr-defined]  # set by typing

    registry.register(Delivery)
    with pytest.raises(DuplicateName):
        registry.register(Other)


def test_a_saga_without_declared_messages_is_refused() -> None:
    with pytest.raises(RegistryError):
        SagaRegistry().register(Undeclared)


def test_only_declared_results_and_registered_effects_are_known(registry: SagaRegistry) -> None:
    assert registry.effect_result_type(Delivery, "Delivered") is Delivered
    with pytest.raises(UnknownSaga):
        registry.effect_result_type(NewDelivery, "Delivered")
    with pytest.raises(UnknownEffect):
        registry.effect_handler("Deliver")
    registry.register_effect(Deliver, lambda effect, key: Delivered())
    assert registry.effect_handler("Deliver")[0] is Deliver
