"""The nightly rewriting of tables, which happens only after an erasure."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection

from eventshop.operations.tasks import overwrite_what_was_erased
from eventshop.privacy.erasure import vacuum
from eventshop.privacy.models import Erasure
from eventshop.projections.projection import projection_registry
from tests.support.command_output import numbers_in

pytestmark = pytest.mark.usefixtures("clean_database")


def test_nothing_is_written_anew_while_nobody_was_erased() -> None:
    assert not vacuum.is_due(timedelta(days=1))
    assert numbers_in(overwrite_what_was_erased()) == []  # it rewrote no tables


def test_after_an_erasure_every_table_with_keys_or_personal_columns_is() -> None:
    Erasure.objects.create(subject=uuid4(), step="done")
    anew = vacuum.vacuum_personal_data_tables()
    expected = {
        "privacy_personalkey",
        "privacy_erasedperson",
        "privacy_claim",
        "privacy_erasure",
        "projections_userprofile",
        "projections_ordersummary",
        "projections_externalid",
        "projections_tradeblotter",
    }
    assert set(anew) == (expected if connection.vendor == "postgresql" else set())
    assert numbers_in(overwrite_what_was_erased()) == [len(anew)]
    call_command("overwrite_erased")


@pytest.mark.postgres
def test_the_planner_keeps_no_samples_of_personal_columns() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attstattarget = 0")
        found = set(cursor.fetchall())
    tables = {
        projection.model._meta.db_table: projection.model.erasable() for projection in projection_registry.select([])
    }
    personal = {(table, column) for table, columns in tables.items() for column in columns}
    assert len(personal) > 5 and personal <= found
