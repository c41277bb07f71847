"""PostgreSQL's planner keeps no samples of texts in anybody's own words (see 0009)."""

from typing import Any

from django.db import migrations, models

COLUMNS = {
    "projections_ordersummary": ("carrier", "tracking", "reason"),
    "projections_tradeblotter": ("reason",),
}


def forget(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in COLUMNS.items():
        for column in columns:
            schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET STATISTICS 0')
        schema_editor.execute(f"ANALYZE {table}")


class Migration(migrations.Migration):
    dependencies = [("projections", "0016_no_statistics_of_external_ids")]

    operations = [
        migrations.AlterField(
            model_name="ordersummary",
            name="payment",
            field=models.CharField(blank=True, help_text="Method, and what came of the last try.", max_length=200),
        ),
        migrations.RunPython(forget, migrations.RunPython.noop),
    ]
