"""PostgreSQL keeps samples of a column's values for its planner; of personal ones it must keep none."""

from typing import Any

from django.db import migrations

PERSONAL = {
    "projections_userprofile": ("email", "name", "phone", "address"),
    "projections_ordersummary": ("delivery_name", "delivery_address", "received_by"),
}


def forget(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in PERSONAL.items():
        for column in columns:
            schema_editor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS 0')
        # What was sampled before stays until the next time.
        schema_editor.execute(f'ANALYZE "{table}"')


class Migration(migrations.Migration):
    dependencies = [("projections", "0008_privacy_desk")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
