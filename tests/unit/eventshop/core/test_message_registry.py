"""Stored names are unique, stable, and known."""

from __future__ import annotations

from datetime import datetime
from types import new_class
from typing import Any, Self
from uuid import UUID

import pytest

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import DuplicateName, RegistryError, UnknownName
from eventshop.core.message_registry import MessageRegistry, declared_messages
from eventshop.core.messages import Command, Event


class OpenDoor(Command, frozen=True):
    door: UUID


class DoorOpened(Event, frozen=True):
    door: UUID


class BellRung(Event, frozen=True):
    stored_name = "DoorBellRung"


class Door(Aggregate[OpenDoor, DoorOpened | BellRung], frozen=True):
    @staticmethod
    def id_of(command: OpenDoor) -> UUID:
        return command.door

    def decide(self, command: OpenDoor) -> list[DoorOpened | BellRung]:
        return [DoorOpened(door=command.door)]

    def evolve(self, event: DoorOpened | BellRung) -> Self:
        return self


def declare_aggregate(name: str, commands: Any, events: Any) -> Any:
    return new_class(name, (Aggregate[commands, events],), {"frozen": True})


@pytest.fixture
def registry() -> MessageRegistry:
    registry = MessageRegistry()
    registry.add(Door)
    return registry


def test_an_aggregate_brings_the_messages_it_declares(registry: MessageRegistry) -> None:
    assert declared_messages(Door) == ([OpenDoor], [DoorOpened, BellRung])
    assert registry.aggregate_class("Door") is Door
    assert registry.command_class("OpenDoor") is OpenDoor
    assert registry.event_class("DoorOpened") is DoorOpened
    assert registry.aggregate_of(OpenDoor) is registry.aggregate_of(DoorOpened) is Door


def test_a_stored_name_need_not_be_the_class_name(registry: MessageRegistry) -> None:
    assert registry.name_of(BellRung) == "DoorBellRung"
    assert registry.event_class("DoorBellRung") is BellRung
    with pytest.raises(UnknownName):
        registry.event_class("BellRung")


def test_adding_again_changes_nothing(registry: MessageRegistry) -> None:
    registry.add(Door)
    assert set(registry.events) == {"DoorOpened", "DoorBellRung"}


def test_an_unknown_name_is_told_with_those_that_are_known(registry: MessageRegistry) -> None:
    with pytest.raises(UnknownName, match=r"'DoorClosed'.*DoorBellRung; DoorOpened"):
        registry.event_class("DoorClosed")
    with pytest.raises(UnknownName, match="'CloseDoor'"):
        registry.command_class("CloseDoor")
    with pytest.raises(UnknownName, match="known none"):
        MessageRegistry().aggregate_class("Door")


def test_a_message_nobody_declared_has_no_name_and_no_owner() -> None:
    with pytest.raises(UnknownName, match="DoorOpened"):
        MessageRegistry().name_of(DoorOpened)
    with pytest.raises(UnknownName, match="OpenDoor"):
        MessageRegistry().aggregate_of(OpenDoor)


def test_two_types_cannot_share_a_stored_name(registry: MessageRegistry) -> None:
    class Fooled(Event, frozen=True):
        stored_name = "DoorOpened"

    class Knock(Command, frozen=True):
        door: UUID

    with pytest.raises(DuplicateName, match=r"DoorOpened.*Fooled"):
        registry.add(declare_aggregate("Window", Knock, Fooled))
    with pytest.raises(DuplicateName, match="Door"):
        registry.add(declare_aggregate("Door", Knock, Fooled))


def test_an_aggregate_says_what_it_takes_and_tells() -> None:
    with pytest.raises(RegistryError, match="Mute"):
        MessageRegistry().add(new_class("Mute", (Aggregate,), {"frozen": True}))


def test_a_message_with_a_float_or_a_time_without_zone_is_refused() -> None:
    class Weighed(Event, frozen=True):
        grams: list[float]

    class Timed(Event, frozen=True):
        at: datetime | None

    with pytest.raises(RegistryError, match=r"Weighed.*float"):
        MessageRegistry().add(declare_aggregate("Scale", OpenDoor, Weighed))
    with pytest.raises(RegistryError, match=r"Timed.*zone"):
        MessageRegistry().add(declare_aggregate("Clock", OpenDoor, Timed))
