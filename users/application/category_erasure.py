"""Erases categories of a person's data: replaces their keys, and empties the rows that copied the data."""

from __future__ import annotations

from collections.abc import Collection
from time import sleep
from uuid import UUID

from django.conf import settings

from eventshop.core.errors import EventShopError
from eventshop.privacy import blind_index
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.personal_data_locator import locate_personal_data
from users.application import accounts
from users.domain.categories import KEY_PURPOSES
from users.domain.purposes import get_purpose
from users.sagas.erasure_effects import CategoriesGone, ConsentDataErased, EraseCategories, EraseConsentData


class OrdersAreOpen(EventShopError):
    """The address is needed until the person's orders are finished; it is erased then."""

    code = "orders-are-open"


def erase_categories(effect: EraseCategories, key: UUID) -> CategoriesGone:
    """Erase the categories. Whatever it raises makes the effect worker retry it later."""
    person, chosen = effect.user_id, effect.categories
    if "delivery" in chosen and (blockers := personal_data_holders.find_blockers(person)):
        raise OrdersAreOpen(orders="; ".join(blocker.reason for blocker in blockers))
    purposes = [purpose for category in chosen for purpose in KEY_PURPOSES[category]]
    subjects = [person, *locate_personal_data(person).streams]
    replaced = personal_keys.replace_keys(subjects, purposes)
    if "contact" in chosen:
        blind_index.release_values(person)
        accounts.close(person)
    _empty_rows(subjects, purposes)
    return CategoriesGone(tuple(replaced))


def erase_consent_data(effect: EraseConsentData, key: UUID) -> ConsentDataErased:
    """Erase what rested on a consent: it stands in the person's own stream only."""
    person, purposes = effect.user_id, [get_purpose(effect.purpose).key]
    replaced = personal_keys.replace_keys([person], purposes)
    if replaced:
        _empty_rows([person], purposes)
    return ConsentDataErased(tuple(replaced))


def _empty_rows(subjects: Collection[UUID], purposes: Collection[str]) -> None:
    personal_data_holders.erase_purposes(subjects, purposes)
    sleep(settings.KEY_CACHE_SECONDS)  # Until then a worker may read with a destroyed key and fill a row again.
    personal_data_holders.erase_purposes(subjects, purposes)
