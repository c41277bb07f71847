"""What can go wrong with the local stack, told in one line."""

from __future__ import annotations


class StackError(Exception):
    """The stack, or a part of it, cannot do what was asked."""


class StackUnavailable(StackError):
    """This machine lacks what a part of the stack needs."""
