"""Rows that are built by position are the same as Django's own, and prepared statements survive a rollback."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import pytest
from django.db import connection, transaction

from eventshop.eventstore.backends.bulk_sql import new_row
from eventshop.sagas.models import InboxMessage, SagaStep
from eventshop.web.models import WebhookEndpoint
from tests.support.order_fulfilment import receive_stock


@pytest.mark.parametrize("model", [InboxMessage, SagaStep])
def test_a_row_has_the_given_values_and_the_defaults_of_the_others(model: type[InboxMessage] | type[SagaStep]) -> None:
    values = {"saga_id": UUID(int=1), "slot": 3, "name": "a name"}
    row, expected = new_row(model, **values), model(**values)
    columns = [field.attname for field in model._meta.concrete_fields]
    assert [getattr(row, name) for name in columns] == [getattr(expected, name) for name in columns]
    assert row._state.adding


def test_an_unknown_column_and_a_computed_default_are_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        new_row(InboxMessage, colour="red")
    with pytest.raises(TypeError, match="id"):
        new_row(WebhookEndpoint, url="https://example.com")


@pytest.mark.postgres
@pytest.mark.usefixtures("clean_database")
def test_commands_go_on_after_a_rollback_has_deallocated_their_statements() -> None:
    receive_stock("a", 1)
    psycopg_connection = connection.connection
    with suppress(ZeroDivisionError), transaction.atomic():
        psycopg_connection.execute("SELECT 1", prepare=True)
        1 / 0  # noqa: B018
    psycopg_connection.execute("SELECT 1", prepare=True)  # psycopg sends DEALLOCATE ALL before it
    assert receive_stock("a", 1).version == 2
