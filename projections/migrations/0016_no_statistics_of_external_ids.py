"""PostgreSQL's planner keeps no samples of customers' numbers in other systems (see 0009)."""

from typing import Any

from django.db import migrations


def forget(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for column in ("value", "search_value"):
        schema_editor.execute(f'ALTER TABLE projections_externalid ALTER COLUMN "{column}" SET STATISTICS 0')
    schema_editor.execute("ANALYZE projections_externalid")


class Migration(migrations.Migration):
    dependencies = [("projections", "0015_order_life_cycle")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
