"""EventShop: an event-sourced shop, consent and trading application."""

# `shared_task` binds to this application, in the web process as well as in a worker.
from eventshop.celery import app as celery_app

__all__ = ["__version__", "celery_app"]

#: As in pyproject.toml, which is not in the image.
__version__ = "0.1.0"
