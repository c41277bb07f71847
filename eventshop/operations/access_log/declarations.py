"""What a view says about the access log: which kind of read it is, or why it is none.

A view of the admin or the API without a declaration fails a test. The declaration is an attribute `access` of a model's
admin, of an API view or, by the decorator, of a function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from eventshop.operations.models import AccessRecord

F = TypeVar("F", bound=Callable[..., Any])
Kind: Final = AccessRecord.Kind


@dataclass(frozen=True)
class Logged:
    """Each successful read through this view is recorded, as this kind."""

    kind: AccessRecord.Kind


@dataclass(frozen=True)
class NotLogged:
    """The view shows nothing that the access log is about; the reason says what it shows instead."""

    reason: str


Access: TypeAlias = Logged | NotLogged


def declare_access(access: Access) -> Callable[[F], F]:
    """Decorate a view function. A declaration of its own wins over that of the admin or view it belongs to."""

    def decorate(view: F) -> F:
        view.access = access  # type: ignore[attr-defined]
        return view

    return decorate


def access_of(view: Any) -> Access | None:
    """The declaration of a view, as the resolver of URLs returns it; None without one."""
    for holder in (view, getattr(view, "model_admin", None), getattr(view, "cls", None)):
        access = getattr(holder, "access", None)
        if isinstance(access, Logged | NotLogged):
            return access
    return None
