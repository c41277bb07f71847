"""Errors of the users domain. The first line of each docstring is the default message."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.messages import Command


class UnknownPurpose(InvalidMessage):
    """This shop processes no personal data for this purpose."""

    code = "unknown-purpose"


class UnknownNotice(InvalidMessage):
    """The privacy notice has no such version."""

    code = "unknown-notice"


class NoticeExpired(InvalidMessage):
    """This version of the privacy notice was not in force at that time."""

    code = "notice-expired"


class InvalidUserState(CommandRefused):
    """The command is not allowed in the current state of the user."""

    code = "invalid-user-state"

    def __init__(self, command: Command, status: str) -> None:
        name = type(command).__name__
        super().__init__(f"{name} is not allowed for a user in state {status}", command=name, status=str(status))


class AlreadyErased(CommandRefused):
    """This person's data was erased; no command is possible any more."""

    code = "already-erased"


class ConsentNotAsked(CommandRefused):
    """This shop asks for no consent to this purpose."""

    code = "consent-not-asked"


class TooManyAddresses(CommandRefused):
    """The address book is full: remove an address first."""

    code = "too-many-addresses"


class NotExpiredYet(CommandRefused):
    """This consent has not expired yet."""

    code = "not-expired-yet"


class NoValidGround(CommandRefused):
    """There is no valid legal basis for using personal data for this purpose."""

    code = "no-valid-ground"


class ProcessingIsRestricted(CommandRefused):
    """This person has restricted the processing of their data (Art. 18 GDPR)."""

    code = "processing-restricted"


class ErasureNotRequested(CommandRefused):
    """No erasure was requested."""

    code = "erasure-not-requested"


class StillCoolingOff(CommandRefused):
    """The cooling-off period is not over: the person can still cancel the erasure."""

    code = "still-cooling-off"


class OnLegalHold(CommandRefused):
    """A legal hold prevents the erasure of this person's data."""

    code = "on-legal-hold"


class NoSuchHold(CommandRefused):
    """This person's data has no such legal hold."""

    code = "no-such-hold"
