from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Operations: health checks, request log, periodic jobs, tamper evidence and content security."""

    name = "eventshop.operations"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        from eventshop.operations import staff_actors  # noqa: F401  (it listens to logins being saved)
