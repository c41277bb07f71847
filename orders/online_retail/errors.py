"""What the import refuses."""

from __future__ import annotations

from eventshop.core.errors import EventShopError, InvalidMessage


class UnreadableFile(EventShopError):
    """This file cannot be read."""

    code = "unreadable-file"


class WrongHeader(UnreadableFile):
    """The first line of this file is not the header of an Online Retail file."""

    code = "wrong-header"


class BrokenRow(InvalidMessage):
    """This row is not a row of an Online Retail file."""

    code = "broken-row"
