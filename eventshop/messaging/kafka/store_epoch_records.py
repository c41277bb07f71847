"""The record on the topic `store-epochs`: the epoch of the event store that published last.

It is part of the transaction of the first events of an epoch, and has their last position: so it hangs, is committed or
is aborted together with them (`hanging_transactions.py`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec
from django.utils import timezone

from eventshop.eventstore import store_epochs
from eventshop.eventstore.models import StoreEpoch
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.record_batches import ProducerRecord
from eventshop.messaging.kafka.topic_end import read_last_records

_KEY: Final = b"store-epoch"


class PublishedEpoch(msgspec.Struct, frozen=True):
    """An epoch as Kafka knows it."""

    installation_id: UUID
    number: int
    epoch_id: UUID
    restored_to_position: int

    def replaces(self, epoch: StoreEpoch) -> bool:
        """Whether it is later than this one, or another one of the same number: then this is a copy from before."""
        return self.epoch_id != epoch.epoch_id and self.number >= epoch.number


def encode_epoch(epoch: StoreEpoch, position: int) -> ProducerRecord:
    """The record of an epoch; `position` is that of the last event in its transaction."""
    value = PublishedEpoch(epoch.installation_id, epoch.number, epoch.epoch_id, epoch.restored_to_position)
    headers = [("partition-sequence", b"0"), ("position", b"%d" % position)]
    now_ms = int(timezone.now().timestamp() * 1000)
    return ProducerRecord(topics.store_epochs_topic(), 0, _KEY, msgspec.json.encode(value), headers, now_ms)


def read_published_epoch() -> PublishedEpoch | None:
    """The epoch on Kafka; None before its first events. Raises `TopicRefused` and `KafkaUnavailable`."""
    topic = topics.store_epochs_topic()
    last = read_last_records(topic, 1).get(0)
    try:
        return msgspec.json.decode(last.value, type=PublishedEpoch) if last else None
    except (msgspec.DecodeError, TypeError) as error:
        raise topics.TopicRefused(f"{topic} ends with a record that is not an epoch: {error}", topic=topic) from error


def begin_epoch_after(published: PublishedEpoch | None, reason: str, *, restored_to_position: int) -> None:
    """Begin an epoch of the event table that replaces the one on Kafka, of the same installation."""
    store_epochs.begin_epoch(
        reason,
        restored_to_position=restored_to_position,
        beyond=published.number if published else 0,
        installation_id=published.installation_id if published else None,
    )
