from django.apps import AppConfig


class ProcessConfig(AppConfig):
    name = "eventshop.sagas"
    label = "process"
    verbose_name = "Processes"
    default_auto_field = "django.db.models.BigAutoField"
