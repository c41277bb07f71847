"""Filters of particular read models: external ids, and the rules that observed facts break."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.forms import CharField
from django_filters.rest_framework import CharFilter

from eventshop.web.api.resource_filters import StrictBooleanFilter
from orders.domain.order_values import ExternalId as ExternalIdValue
from projections.external_id_lookup import find_by_source
from projections.models import ExternalId

#: Codes of rules are short words joined by hyphens.
MAX_RULE_LENGTH: Final = 60


class _ExternalIdField(CharField):
    """`source:value`, as commands accept it."""

    def validate(self, value: str) -> None:
        super().validate(value)
        source, _, text = value.partition(":")
        try:
            if value:
                msgspec.convert({"source": source, "value": text}, ExternalIdValue)
        except msgspec.ValidationError:
            raise ValidationError("must be source:value, such as online-retail:536365") from None


class ExternalIdFilter(CharFilter):  # type: ignore[misc]
    """The rows whose order, customer or product another system calls so: the whole value, in any case."""

    field_class = _ExternalIdField

    def __init__(self, kind: ExternalId.Kind, column: str) -> None:
        super().__init__(help_text=f"What another system calls the {kind.label.lower()}: source:value, in any case.")
        self.kind, self.column = kind, column

    def filter(self, rows: QuerySet[Any], wanted: str) -> QuerySet[Any]:
        if not wanted:
            return rows
        source, _, value = wanted.partition(":")
        return rows.filter(**{f"{self.column}__in": find_by_source(self.kind, source, value)})


class BrokenRuleFilter(CharFilter):  # type: ignore[misc]
    """The rows of which an observed fact breaks this rule."""

    def __init__(self) -> None:
        super().__init__(help_text="The code of a rule that an observed fact breaks.", max_length=MAX_RULE_LENGTH)

    def filter(self, rows: QuerySet[Any], rule: str | None) -> QuerySet[Any]:
        if not rule:
            return rows
        ends = Q(review=rule) | Q(review__startswith=f"{rule} ") | Q(review__endswith=f" {rule}")
        return rows.filter(~Q(review="") & (ends | Q(review__contains=f" {rule} ")))


class ToReviewFilter(StrictBooleanFilter):
    """The rows that a person must look at, or the others."""

    def __init__(self) -> None:
        super().__init__(help_text="Whether an observed fact breaks a rule, so that a person must look at the order.")

    def filter(self, rows: QuerySet[Any], wanted: bool | None) -> QuerySet[Any]:
        match wanted:
            case None:
                return rows
            case True:
                return rows.filter(~Q(review=""))
            case _:
                return rows.filter(review="")
