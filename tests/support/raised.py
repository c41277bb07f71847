"""What a raised error carries, for `pytest.raises(..., check=...)`: its data or its cause, never its wording."""

from __future__ import annotations

from collections.abc import Callable

from eventshop.core.errors import EventShopError


def with_data(**data: object) -> Callable[[BaseException], bool]:
    """The error carries these data."""
    return lambda error: isinstance(error, EventShopError) and data.items() <= error.data.items()


def caused_by(error_class: type[BaseException], **data: object) -> Callable[[BaseException], bool]:
    """Another error was translated to this one: one of that class, with these data."""
    has_data = with_data(**data)
    return lambda error: isinstance(error.__cause__, error_class) and (not data or has_data(error.__cause__))
