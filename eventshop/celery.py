"""The Celery application; a worker started with `--projections` also hosts those projections."""

import os

import click
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")

app = Celery("eventshop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# By name: a worker resolves it once Django is set up. Imported here, it would load models too early.
app.steps["worker"].add("projections.engine.worker:ProjectionStep")
app.steps["worker"].add("projections.engine.worker:RelayStep")
app.user_options["worker"].add(
    click.Option(
        ["--projections"],
        metavar="NAME,NAME",
        help="Projections to run inside this worker: names with commas between them, or `all`.",
    )
)
app.user_options["worker"].add(
    click.Option(["--relay"], is_flag=True, help="Also publish to Kafka; of several relays one leads.")
)
