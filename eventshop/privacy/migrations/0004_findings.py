"""Findings of the scan of an erasure, and keys that follow destroyed ones."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("privacy", "0003_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="personalkey",
            name="generation",
            field=models.IntegerField(
                db_default=1, default=1, help_text="Above 1: earlier keys of this purpose were destroyed."
            ),
        ),
        migrations.AlterField(
            model_name="certificate",
            name="body",
            field=models.TextField(help_text="As JSON: erased, kept, scan, findings."),
        ),
        migrations.CreateModel(
            name="ErasureFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.UUIDField(help_text="The erased person.")),
                ("place", models.CharField(help_text="The table, topic or cache.", max_length=200)),
                ("item", models.CharField(help_text="The key of the row or the number of the record.", max_length=400)),
                (
                    "owner",
                    models.UUIDField(
                        help_text="The stream or person that the row belongs to, if it says so.", null=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("sealed", "Sealed: the key of the text is destroyed"),
                            ("kept", "Kept with a reason"),
                            ("gone", "Gone: not found again"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="Why it is kept.", max_length=500)),
                ("found_at", models.DateTimeField(auto_now_add=True)),
                ("resolved_at", models.DateTimeField(null=True)),
                ("resolved_by", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "permissions": (("resolve_finding", "Can resolve what an erasure has found"),),
                "default_permissions": ("view",),
                "constraints": [models.UniqueConstraint(fields=("subject", "place", "item"), name="finding_once")],
            },
        ),
    ]
