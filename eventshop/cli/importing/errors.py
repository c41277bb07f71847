"""What an import refuses."""

from __future__ import annotations

from eventshop.core.errors import EventShopError, InvalidMessage


class UnreadableFile(EventShopError):
    """This file cannot be read."""

    code = "unreadable-file"


class WrongHeader(UnreadableFile):
    """The first line of this file is not the header that it must have."""

    code = "wrong-header"


class BrokenRow(InvalidMessage):
    """This row is not a row of such a file."""

    code = "broken-row"
