"""The only module that imports Unfold, the admin theme. To the type checker its classes are those of Django's admin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action as _action
from unfold.decorators import display as _display

if TYPE_CHECKING:
    from django.contrib.admin import FieldListFilter, ModelAdmin, SimpleListFilter
    from django.contrib.admin.views.main import ChangeList as ChangeList

    UnfoldModelAdmin: TypeAlias = ModelAdmin[Any]
    RangeDateFilter: TypeAlias = FieldListFilter
    RangeNumericFilter: TypeAlias = FieldListFilter
    DropdownFilter: TypeAlias = SimpleListFilter
    TextFilter: TypeAlias = SimpleListFilter
    ChoicesDropdownFilter: TypeAlias = FieldListFilter
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.contrib.filters.admin import (
        ChoicesDropdownFilter,
        DropdownFilter,
        RangeDateFilter,
        RangeNumericFilter,
        TextFilter,
    )
    from unfold.views import ChangeList

__all__ = [
    "ChangeList",
    "ChoicesDropdownFilter",
    "DropdownFilter",
    "RangeDateFilter",
    "RangeNumericFilter",
    "TextFilter",
    "UnfoldModelAdmin",
    "detail_action",
    "display",
]

F = TypeVar("F", bound=Callable[..., Any])


def display(
    *,
    description: str,
    ordering: str | None = None,
    label: bool | Mapping[str, str] | None = None,
    number: bool = False,
) -> Callable[[F], F]:
    """Decorate a column of a list. `label` shows it as a badge; a mapping gives each text its colour.

    `number`: the column is right-aligned, and exported without thousands marks.
    """
    decorate: Callable[[F], F] = _display(description=description, ordering=ordering, label=label)

    def mark(column: F) -> F:
        column.is_number = number  # type: ignore[attr-defined]
        return decorate(column)

    return mark


def detail_action(*, permission: str, description: str, icon: str) -> Callable[[F], F]:
    """Decorate an action with a button on the page of a row, or above a list (`actions_list`), whose view gets no id.

    `console.js` shows its confirmation page as a dialog.

    Whoever may not see the row may not act on it either.
    """
    decorate: Callable[[Any], Any] = _action(
        permissions=[permission], description=description, icon=icon, attrs={"data-dialog": True}
    )

    def require_view(view: F) -> F:
        @wraps(view)
        def wrapper(self: UnfoldModelAdmin, request: HttpRequest, *args: str, **row: str) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            response: HttpResponse = view(self, request, *args, **row)
            return response

        return cast(F, wrapper)

    return lambda view: decorate(require_view(view))
