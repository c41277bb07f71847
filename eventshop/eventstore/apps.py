import gc

from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "eventshop.eventstore"
    label = "store"
    verbose_name = "Event store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # What the program is made of stays until it ends. Else the collector would walk through all of it again and
        # again while a batch makes its many short-lived rows: a sixth of the batch's processor time.
        gc.freeze()
