"""The one error tree. Every error carries its data; the first line of a docstring is its default message."""

from __future__ import annotations

from inspect import cleandoc
from typing import ClassVar


class EventShopError(Exception):
    """Something EventShop refuses or cannot do."""

    #: Stable, for API clients and documentation; never reworded.
    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, /, **data: object) -> None:
        self.data = data
        self.message = message or self._told(data)
        super().__init__(self.message)

    def _told(self, data: dict[str, object]) -> str:
        sentence = cleandoc(self.__doc__ or "").partition("\n")[0].rstrip(".")
        if not data:
            return sentence
        return f"{sentence}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in data.items())


# --- what a message may not be, whatever the state ---------------------------------------------------------------


class InvalidMessage(EventShopError, ValueError):
    """This message makes no sense, whatever the state."""

    code = "invalid-message"


class UnknownName(InvalidMessage):
    """No command, event or aggregate has this name."""

    code = "unknown-name"


class InvalidMoney(InvalidMessage):
    """Not an amount of money."""

    code = "invalid-money"


class CurrencyMismatch(InvalidMoney):
    """Amounts in different currencies cannot be added or compared."""

    code = "currency-mismatch"


class EventTooLarge(InvalidMessage):
    """An event is larger than the store accepts."""

    code = "event-too-large"


# --- what the rules of a domain refuse ---------------------------------------------------------------------------


class CommandRefused(EventShopError):
    """The rules do not allow this command now."""

    code = "command-refused"


class PersonErased(CommandRefused):
    """This person's data was erased; nothing about them can be stored any more."""

    code = "person-erased"


class AlreadyTaken(CommandRefused):
    """Somebody else has this already."""

    code = "already-taken"


# --- what the store refuses --------------------------------------------------------------------------------------


class StoreError(EventShopError):
    """The event store refuses this."""

    code = "store-error"


class Conflict(StoreError):
    """Somebody else changed this in the meantime."""

    code = "conflict"


class WrongExpectedVersion(Conflict):
    """The stream is at another version than expected."""

    code = "wrong-expected-version"


class CommandIdReused(Conflict):
    """This command id was already used for another command."""

    code = "command-id-reused"


class DuplicateEvent(Conflict):
    """An event with this id is already stored."""

    code = "duplicate-event"


class VersionGap(StoreError):
    """The version leaves a gap in the stream."""

    code = "version-gap"


class WrongAggregateType(StoreError):
    """This id belongs to an aggregate of another type."""

    code = "wrong-aggregate-type"


class AppendOnly(StoreError):
    """Events are never changed or deleted."""

    code = "append-only"


class BrokenStream(StoreError):
    """A stored event cannot be read as the event its name says."""

    code = "broken-stream"


class Tampered(StoreError):
    """A personal value was changed, or belongs to another event, field or person."""

    code = "tampered"


class TailBusy(StoreError):
    """Writers did not let the tail reader in within its time; it tries again."""

    code = "tail-busy"


# --- what is wrong with the program ------------------------------------------------------------------------------


class RegistryError(EventShopError):
    """A message type is registered wrongly."""

    code = "registry-error"


class DuplicateName(RegistryError):
    """Two message types claim the same stored name."""

    code = "duplicate-name"


# --- what a projection refuses -----------------------------------------------------------------------------------


class ProjectionError(EventShopError):
    """A projection cannot go on."""

    code = "projection-error"


class UnknownProjection(ProjectionError):
    """No projection has this name."""

    code = "unknown-projection"


class CheckpointMoved(ProjectionError):
    """Another worker moved this projection's checkpoint; nothing was written."""

    code = "checkpoint-moved"
