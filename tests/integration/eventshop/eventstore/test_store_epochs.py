"""Epochs of the event store: a restore begins one, and the present one says how the store differs from Kafka."""

from __future__ import annotations

from uuid import uuid4

import pytest

from eventshop.eventstore import store_epochs
from eventshop.eventstore.models import StoreEpoch

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_store_begins_its_first_epoch_by_itself() -> None:
    epoch = store_epochs.current_epoch()

    assert (epoch.number, epoch.restored_to_position, epoch.divergence) == (1, 0, "")
    assert store_epochs.current_epoch() == epoch


def test_a_restore_begins_an_epoch_of_the_same_installation_with_the_events_before_it_as_its_past() -> None:
    first = store_epochs.current_epoch()

    second = store_epochs.begin_epoch("restored from a backup", restored_to_position=12_423)

    assert store_epochs.current_epoch() == second
    assert (second.number, second.installation_id, second.restored_to_position) == (2, first.installation_id, 12_423)
    assert second.epoch_id != first.epoch_id


def test_an_epoch_is_numbered_beyond_those_known_from_elsewhere_and_may_adopt_their_installation() -> None:
    installation_id = uuid4()

    epoch = store_epochs.begin_epoch(
        "restored from Kafka", restored_to_position=9, beyond=6, installation_id=installation_id
    )

    assert (epoch.number, epoch.installation_id) == (7, installation_id)


def test_a_divergence_is_dated_once_and_forgotten_when_it_is_resolved() -> None:
    store_epochs.record_divergence(StoreEpoch.Divergence.DATABASE_BEHIND, "behind")
    found = store_epochs.current_epoch()

    store_epochs.record_divergence(StoreEpoch.Divergence.DATABASE_BEHIND, "still behind")
    again = store_epochs.current_epoch()
    store_epochs.clear_divergence()
    resolved = store_epochs.current_epoch()

    assert (found.divergence, again.divergence_reason, resolved.divergence) == ("database-behind", "still behind", "")
    assert found.diverged_at is not None
    assert (again.diverged_at, resolved.diverged_at) == (found.diverged_at, None)
