"""The console's view of a real Kafka: topics, sizes, records by offset, and rows that are published again."""

from __future__ import annotations

import pytest
from django.urls import reverse

from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.topic_differences import TopicSpec
from eventshop.messaging.kafka.topic_inspection import NoSuchRecords, inspect_topics, read_records
from eventshop.operations.topic_operations import republish
from eventshop.projections.models import OutboxRecord
from eventshop.projections.projection import projection_registry
from projections.models import OrderSummary
from tests.support.access_log import accesses
from tests.support.kafka.read_models import catch_up
from tests.support.kafka.topic_contents import relay_all
from tests.support.pages import texts
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import clerk

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database", "projection_topics")]

sale = Sale(1)


def test_topics_records_and_rows_are_looked_at_and_published_again() -> None:
    append(sale.order_id, sale.created, sale.paid)
    relay_all()
    reports = {report.name: report for report in inspect_topics(_specs())}
    events = reports[topics.event_store_topic()]
    assert (len(events.partitions), events.differences, events.is_in_sync) == (12, [], True)
    assert events.size > 0
    [partition] = [partition for partition in events.partitions if partition.end > partition.begin]
    first, second = read_records(events.name, partition.number, partition.begin)
    assert (first.kind, second.kind) == ("OrderCreated version 1", "PaymentProcessed version 2")
    with pytest.raises(NoSuchRecords, match="offsets"):
        read_records(events.name, partition.number, partition.end)
    with pytest.raises(NoSuchRecords, match="no partition"):
        read_records(events.name, 99, 0)

    client = clerk("view_knowntopic", "view_storedevent")
    page = client.get(reverse("admin:kafka"))
    assert len(texts(page, "topic")) == len(reports)
    where: dict[str, str | int] = {"topic": events.name, "partition": partition.number, "offset": partition.begin}
    assert len(texts(client.get(reverse("admin:kafka_records"), where), "record")) == 2
    assert [row.kind for row in accesses()] == ["events"]
    assert client.get(reverse("admin:kafka_records"), {**where, "topic": "of others"}).context["form"].errors

    catch_up()
    OutboxRecord.objects.all().delete()
    assert republish("order-summary", "", str(sale.order_id), actor="ada", reason="lost") == 1
    assert OutboxRecord.objects.get().key == str(OrderSummary.objects.get().pk)


def _specs() -> list[TopicSpec]:
    return topics.topic_specs(projection.topic for projection in projection_registry.select([]))
