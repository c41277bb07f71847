"""A saga's id, and so its partition, depend on its kind and subject only."""

from __future__ import annotations

from uuid import UUID, uuid4

from eventshop.sagas.inbox import PARTITIONS, partition_for, saga_id_for

SUBJECT = UUID("00000000-0000-4000-8000-0000000000ad")


def test_one_saga_of_a_kind_for_a_subject() -> None:
    assert saga_id_for("fulfilment", SUBJECT) == saga_id_for("fulfilment", SUBJECT)
    assert len({saga_id_for("fulfilment", SUBJECT), saga_id_for("erasure", SUBJECT), SUBJECT}) == 3


def test_sagas_spread_over_all_partitions() -> None:
    numbers = {partition_for(saga_id_for("fulfilment", uuid4())) for _ in range(1_000)}
    assert numbers == set(range(PARTITIONS))
