"""The Celery application; a worker can also run projections (`--projections`), the relay and sagas (`--sagas`)."""

import os

import click
from celery import Celery
from celery.signals import worker_init

from eventshop.core.serialization import prepare_all_decoders

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")

app = Celery("eventshop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# By name: a worker resolves it once Django is set up. Imported here, it would load models too early.
app.steps["worker"].add("eventshop.projections.bootstep:ProjectionBootstep")
app.steps["worker"].add("eventshop.projections.bootstep:RelayBootstep")
app.steps["worker"].add("eventshop.sagas.bootstep:SagaBootstep")
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
app.user_options["worker"].add(
    click.Option(
        ["sagas", "--sagas", "--processes"],
        is_flag=True,
        help="Also run sagas, their effects and timers inside this worker. `--processes` is its old name.",
    )
)


@worker_init.connect
def learn_messages(**_: object) -> None:
    """The threads of a worker decode at the same time; by now every module that tells them how is imported."""
    prepare_all_decoders()


@worker_init.connect
def refuse_wrong_key(**_: object) -> None:
    """A worker with another KEY_ENCRYPTION_KEY would take everybody for erased."""
    from eventshop.privacy.encryption.key_wrapping import refuse_wrong_key

    refuse_wrong_key()
