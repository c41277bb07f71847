"""Kafka and the outbox in the console, where there is none; `tests/kafka` looks at a real one."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from eventshop.operations.models import OperatorAction
from eventshop.projections.models import OutboxRecord
from projections.order_summary import order_summary
from tests.support.pages import texts
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)


def test_the_page_says_that_there_are_no_topics_and_what_waits() -> None:
    append(sale.order_id, sale.created)
    OutboxRecord.objects.create(topic="order-summary-projection", key="1", value=b"a value that is not shown")
    assert clerk().get(reverse("admin:kafka")).status_code == 403
    client = clerk("view_knowntopic")
    page = client.get(reverse("admin:kafka"))
    assert texts(page, "embedded")
    assert texts(page, "outbox") == ["1 row waits to be published."]
    assert "not shown" not in page.content.decode()
    assert client.get(reverse("admin:kafka_records")).status_code == 403
    records = clerk("view_knowntopic", "view_storedevent").get(reverse("admin:kafka_records"))
    assert "no topics" in texts(records, "problem")[0]


def test_rows_are_counted_and_published_only_with_a_kafka() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    page = reverse("admin:kafka_republish")
    values = {"projection": "order-summary", "first": str(sale.order_id), "reason": "a consumer lost them"}
    assert clerk("view_knowntopic").post(page, values).status_code == 403
    client = clerk("view_knowntopic", "rebuild_projection")
    assert "1 rows" in texts(client.post(page, values), "effect")[0]
    assert client.post(page, {**values, "publish": "on"}).context["form"].errors
    assert client.post(page, {**values, "first": "no key"}).context["form"].errors
    output = StringIO()
    call_command("republish_rows", "order-summary", "--to", str(sale.order_id), "--dry-run", stdout=output)
    assert output.getvalue().startswith("1 rows")
    for arguments in (["--reason", "lost"], ["--reason", " "]):
        with pytest.raises(CommandError):
            call_command("republish_rows", "order-summary", *arguments)
    assert not OperatorAction.objects.exists()
