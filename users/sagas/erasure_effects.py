"""Effects that the erasure saga requests, and their answers. Effects are stored under their class names."""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import NonEmptyText
from eventshop.core.saga import Effect, EffectResult
from users.domain.events import Category


class LookForGrounds(Effect, frozen=True):
    """Find what prevents the erasure of a person's data for now, such as an open order."""

    user_id: UUID


class GroundsFound(EffectResult, frozen=True):
    """The erasure blockers that were found; empty if the data can be erased."""

    reasons: tuple[NonEmptyText, ...]


class EraseTraces(Effect, frozen=True):
    """Destroy the keys, clear every row, close the account, and scan all stores for remaining personal data."""

    user_id: UUID


class EraseCategories(Effect, frozen=True):
    """Destroy the keys of categories of a person's data, and empty the rows that copied it."""

    user_id: UUID
    categories: tuple[Category, ...]


class CategoriesGone(EffectResult, frozen=True):
    """The data of the categories is erased."""

    purposes: tuple[NonEmptyText, ...]


class EraseConsentData(Effect, frozen=True):
    """Destroy the key of what rests on a consent that has ended."""

    user_id: UUID
    purpose: NonEmptyText


class ConsentDataErased(EffectResult, frozen=True):
    """What rested on the consent is erased; without keys, there was nothing."""

    purposes: tuple[NonEmptyText, ...]


class TracesErased(EffectResult, frozen=True):
    """The erasure is complete and certified."""

    certificate_id: UUID
