from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "eventshop.web"
    label = "web"
    verbose_name = "API"
    default_auto_field = "django.db.models.BigAutoField"
