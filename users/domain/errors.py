"""What the rules about people and their data refuse."""

from __future__ import annotations

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.messages import Command


class UnknownPurpose(InvalidMessage):
    """This shop uses no data for such a purpose."""

    code = "unknown-purpose"


class UnknownNotice(InvalidMessage):
    """There is no such version of the privacy notice."""

    code = "unknown-notice"


class NoticeExpired(InvalidMessage):
    """This version of the privacy notice was not shown at that time."""

    code = "notice-expired"


class InvalidUserState(CommandRefused):
    """This cannot be done to a user in this state."""

    code = "invalid-user-state"

    def __init__(self, command: Command, status: str) -> None:
        name = type(command).__name__
        super().__init__(f"{name} cannot be done to a user who is {status}", command=name, status=str(status))


class AlreadyErased(CommandRefused):
    """This person's data was erased; nothing can be done with it any more."""

    code = "already-erased"


class ConsentNotAsked(CommandRefused):
    """This purpose does not rest on consent."""

    code = "consent-not-asked"


class ConsentNotGiven(CommandRefused):
    """There is no consent to withdraw: none was given, or it was withdrawn or has expired."""

    code = "consent-not-given"


class NotExpiredYet(CommandRefused):
    """This consent still holds."""

    code = "not-expired-yet"


class NoValidGround(CommandRefused):
    """There is no valid ground for using personal data for this purpose."""

    code = "no-valid-ground"


class ProcessingIsRestricted(CommandRefused):
    """This person had the use of their data restricted (Art. 18 GDPR)."""

    code = "processing-restricted"


class ErasureNotRequested(CommandRefused):
    """No erasure was asked for."""

    code = "erasure-not-requested"


class StillCoolingOff(CommandRefused):
    """The person can still change their mind about erasing."""

    code = "still-cooling-off"


class OnLegalHold(CommandRefused):
    """A legal hold keeps this person's data for now."""

    code = "on-legal-hold"


class NoSuchHold(CommandRefused):
    """There is no such legal hold."""

    code = "no-such-hold"
