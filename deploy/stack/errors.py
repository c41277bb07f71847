"""Errors of the local stack; each message fits on one line."""

from __future__ import annotations


class StackError(Exception):
    """An operation on the stack or one of its parts failed."""


class WrongUse(StackError):
    """What was asked for makes no sense."""


class StackUnavailable(StackError):
    """This machine lacks something that a part of the stack needs."""
