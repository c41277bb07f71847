from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "eventshop.web"
    label = "web"
    verbose_name = "API"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.web import sign_in_log  # noqa: F401  (it receives Django's signals)
