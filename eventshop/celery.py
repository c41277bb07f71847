"""The Celery application; a worker can also run projections (`--projections`), the relay and sagas (`--sagas`)."""

import logging
import os
import warnings
from logging.config import dictConfig

import click
from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init, worker_ready
from django.conf import settings

from eventshop.core.serialization import prepare_all_decoders

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")

log = logging.getLogger(__name__)
# Of root: its messages are JSON, which can run nothing. Containers and `make stack` have users of their own.
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")

app = Celery("eventshop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# By name: a worker imports them once Django is set up. An import here would load models too early.
app.steps["worker"].add("eventshop.projections.bootstep:ProjectionBootstep")
app.steps["worker"].add("eventshop.projections.bootstep:RelayBootstep")
app.steps["worker"].add("eventshop.sagas.bootstep:SagaBootstep")
app.steps["worker"].add("eventshop.web.webhooks.worker:WebhookBootstep")
app.steps["worker"].add("eventshop.web.imports.worker:ImportBootstep")
app.steps["worker"].add("eventshop.projections.effects.worker:EffectBootstep")
app.user_options["worker"].add(
    click.Option(
        ["--projections"],
        metavar="NAME,NAME",
        help="Projections to run inside this worker: names separated by commas, or `all`.",
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


@setup_logging.connect
def log_as_the_program_does(**_: object) -> None:
    """Use the settings' logging; because of this receiver Celery sets up none, and leaves standard output alone."""
    from eventshop.runtime.log_lines import log_uncaught_errors

    dictConfig(settings.LOGGING)
    log_uncaught_errors()


@worker_ready.connect
def log_worker_ready(sender: object, **_: object) -> None:
    log.info("worker %s is ready", getattr(sender, "hostname", ""))


@beat_init.connect
def log_beat_ready(**_: object) -> None:
    log.info("the schedule of periodic tasks is ready")


@worker_init.connect
def prepare_decoders(**_: object) -> None:
    """Prepare all decoders before the threads of a worker use them at the same time; all modules are imported now."""
    prepare_all_decoders()


@worker_init.connect
def refuse_wrong_key(**_: object) -> None:
    """Refuse to start with a wrong KEY_ENCRYPTION_KEY: the worker would treat every person as erased."""
    from eventshop.privacy.encryption.key_wrapping import refuse_wrong_key
    from eventshop.runtime.connections import close_connections

    refuse_wrong_key()
    # Celery then closes the sockets of this thread's connections, as in a forked process. With `--pool solo` there is
    # none: a pooled connection would stay in use without its socket, and its next statement would wait for ever.
    close_connections()
