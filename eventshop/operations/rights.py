"""Who gets in through a view: declared next to it, shown in docs/permissions.md, and asked of every URL by a test.

The declaration is an attribute `rights` of a view function or class; views of the API say it for each method
(`ApiView.rights_of`), and pages of the admin have it from their permissions (`eventshop/web/permission_matrix.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Audience(StrEnum):
    """Who gets in without a permission."""

    NOBODY = "nobody"
    EVERYBODY = "everybody"
    LINK = "whoever has the link"
    SIGNATURE = "whoever can sign"
    METRICS = "whoever has the metrics' token, or this machine"
    SIGNED_IN = "everybody who is signed in"
    CUSTOMERS = "customers, to what is theirs"
    OWNER = "the customer whose it is"
    STAFF = "all staff"


@dataclass(frozen=True)
class Rights:
    """The audience, and the permissions with which staff get in: all of `staff`; `a|b` is one of both.

    Without any in `staff`, no permission opens the view.
    """

    audience: Audience
    staff: tuple[str, ...] = ()


EVERYBODY: Final = Rights(Audience.EVERYBODY)


def open_to(audience: Audience, *staff: str) -> Callable[[F], F]:
    """Decorate a view function with its rights. It declares them; the view or another decorator enforces them."""

    def decorate(view: F) -> F:
        view.rights = Rights(audience, staff)  # type: ignore[attr-defined]
        return view

    return decorate


def only_staff(*staff: str) -> Callable[[F], F]:
    """Decorate a view of the admin that is open to staff with these permissions."""
    return open_to(Audience.NOBODY, *staff)


def rights_of_view(view: Any) -> Rights | None:
    """The declared rights of a view, as the resolver of URLs returns it; None without a declaration."""
    for holder in (view, getattr(view, "func", None), getattr(view, "view_class", None)):
        rights = getattr(holder, "rights", None)
        if isinstance(rights, Rights):
            return rights
    return None
