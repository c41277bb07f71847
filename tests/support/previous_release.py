"""What a process of today sees in a database of the previous release: python -m tests.support.previous_release.

DATABASE_URL names the database, which is migrated already. An assertion that fails ends the process with its traceback.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

FIXTURES: Final = Path(__file__).resolve().parents[1] / "fixtures" / "previous_release"
ORDER, ACCOUNT, ORDER_COMMAND = UUID(int=100), UUID(int=200), UUID(int=12)


def records() -> list[dict[str, Any]]:
    """The records of the topic `event-store`: partition, key, value and headers, in bytes as they lay there."""
    lines = (FIXTURES / "records.jsonl").read_text().splitlines()
    return [
        {
            "partition": record["partition"],
            "key": record["key"].encode(),
            "value": base64.b64decode(record["value"]),
            "headers": [(name, value.encode("latin-1")) for name, value in record["headers"]],
        }
        for record in map(json.loads, lines)
    ]


def check() -> None:
    """Read, send, project and retry with what is there."""
    from django.contrib.auth.models import Permission
    from django.contrib.auth.models import User as Login
    from django.core.management import call_command

    from eventshop.core.messages import Envelope
    from eventshop.eventstore.command_dispatcher import send
    from eventshop.eventstore.event_store import store
    from eventshop.eventstore.models import Snapshot
    from eventshop.projections.models import Checkpoint, DeadLetter
    from eventshop.projections.projection import projection_registry
    from eventshop.sagas import workers
    from eventshop.sagas.inbox import saga_id_for
    from eventshop.sagas.models import InboxMessage, PartitionLease
    from orders.domain.commands import (
        AcceptReturn,
        CreateOrder,
        DeliverOrder,
        ReceivedLine,
        ReceiveReturn,
        RequestReturn,
        ReturnLine,
    )
    from orders.domain.order import Order, Status
    from projections.models import ConsentRegister, OrderSummary, UserProfile
    from tests.support.order_fulfilment import load_order
    from tests.support.read_models import assert_rows_equal_fold, catch_up

    call_command("verify_chain")
    assert Snapshot.objects.count() == 2
    assert load_order(ORDER).status is Status.SHIPPED
    summary = OrderSummary.objects.get(pk=ORDER)
    assert (summary.status, summary.delivery_name) == ("SHIPPED", "Ada Lovelace")
    assert summary.customer_id

    # Commands: the same one gets its first answer; new ones are decided on the stored streams.
    created = store.get_events(ORDER)[0]
    again = CreateOrder(
        ORDER,
        created.event.reference,
        created.event.customer_id,
        created.event.lines,
        delivery_name="Ada Lovelace",
        delivery_address="1 Lane",
    )
    assert send(again, envelope=Envelope(ORDER_COMMAND)).replayed
    version = send(DeliverOrder(ORDER, "a neighbour")).version
    assert version == len(store.get_events(ORDER))

    # Sagas go on from the offset of their lease: no stored message is processed twice, a new event is.
    messages = InboxMessage.objects.filter(saga_id=saga_id_for("order-fulfilment", ORDER))
    assert PartitionLease.objects.get(name="database").offset == 8
    assert set(messages.values_list("state", flat=True)) == {InboxMessage.State.PROCESSED}
    before = messages.count()
    send(RequestReturn(ORDER, "R1", (ReturnLine(1, 1),), "chipped"))
    send(AcceptReturn(ORDER, "R1"))
    send(ReceiveReturn(ORDER, "R1", (ReceivedLine(1, 1),)))
    workers.run_until_idle("test")
    assert PartitionLease.objects.get(name="database").offset > 8
    assert set(messages.values_list("state", flat=True)) == {InboxMessage.State.PROCESSED}
    assert (before, messages.filter(name="ItemsReturned").count()) == (5, 1)

    # Projections go on from their checkpoints; the dead letter is applied now.
    person = UUID(str(summary.customer_id))
    assert DeadLetter.objects.get().aggregate_id == person
    assert Checkpoint.objects.count()
    call_command("retry_dead_letters")
    assert not DeadLetter.objects.exists()
    catch_up(*projection_registry.select([]))
    assert_rows_equal_fold(*projection_registry.select([]))
    assert UserProfile.objects.get(pk=person).name == "Ada Lovelace"
    assert ConsentRegister.objects.filter(user_id=person).count() == 2

    # Staff keep their permissions, wherever these belong now.
    clerk = Login.objects.get(username="clerk")
    for permission in (
        "projection_engine.view_deadletter",
        "projection_engine.retry_dead_letters",
        "projection_engine.rebuild_projection",
        "projections.view_ordersummary",
        "orders.ship_order",
        "users.reveal_personal",
        "trading.settle_trade",
    ):
        assert clerk.has_perm(permission), permission
    assert not clerk.has_perm("orders.cancel_order")
    assert Permission.objects.filter(content_type__app_label="process", codename="operate_saga").count() == 1
    assert not Permission.objects.filter(codename__in=("mend_saga", "view_sagainput", "view_share")).exists()
    assert Order().evolve_all(event.event for event in store.get_events(ORDER)).status is Status.DELIVERED


if __name__ == "__main__":
    import django

    django.setup()
    check()
