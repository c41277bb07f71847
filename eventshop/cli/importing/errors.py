"""Errors of an import."""

from __future__ import annotations

from eventshop.core.errors import EventShopError, InvalidMessage


class UnreadableFile(EventShopError):
    """This file cannot be read."""

    code = "unreadable-file"


class WrongHeader(UnreadableFile):
    """The first line of this file is not the expected header."""

    code = "wrong-header"


class UnclearFormat(UnreadableFile):
    """The format of this file cannot be found out; an option has to say it."""

    code = "unclear-format"


class BrokenRow(InvalidMessage):
    """This row does not have the format of the file."""

    code = "broken-row"


class BrokenCells(BrokenRow):
    """This line cannot be split into the cells of one row: it may hold a part of a row, or two."""
