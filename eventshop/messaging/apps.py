from django.apps import AppConfig


class LogConfig(AppConfig):
    name = "eventshop.messaging"
    label = "log"
    verbose_name = "Event log"
    default_auto_field = "django.db.models.BigAutoField"
