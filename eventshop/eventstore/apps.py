import gc

from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "eventshop.eventstore"
    label = "store"
    verbose_name = "Event store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Exclude the objects loaded so far from garbage collection. They live until the process ends, and scanning
        # them during a batch, which creates many short-lived rows, took a sixth of its processor time.
        gc.freeze()
