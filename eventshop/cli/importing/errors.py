"""Errors of an import."""

from __future__ import annotations

from eventshop.core.errors import EventShopError, InvalidMessage


class UnreadableFile(EventShopError):
    """This file cannot be read."""

    code = "unreadable-file"


class WrongHeader(UnreadableFile):
    """The first line of this file is not the expected header."""

    code = "wrong-header"


class BrokenRow(InvalidMessage):
    """This row does not have the format of the file."""

    code = "broken-row"
