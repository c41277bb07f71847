from django.apps import AppConfig


class SagasConfig(AppConfig):
    name = "eventshop.sagas"
    label = "process"  # a stored name: tables, content types and permissions have it
    verbose_name = "Sagas"
    default_auto_field = "django.db.models.BigAutoField"
