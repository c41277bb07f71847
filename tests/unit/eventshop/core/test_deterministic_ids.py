"""Ids that follow from words stay what they are."""

from __future__ import annotations

from uuid import UUID

from eventshop.core.deterministic_ids import derive_id


def test_the_same_words_give_the_same_id_for_ever() -> None:
    assert derive_id("customer", "17850") == UUID("0a8d961c-eb6c-5f50-baf0-f3e898063258")


def test_other_words_give_another_id() -> None:
    ids = {derive_id("customer", "17850"), derive_id("customer", 17851), derive_id("order", "17850")}
    assert len(ids) == 3
