from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Operations: health checks, request log, periodic jobs, tamper evidence and content security."""

    name = "eventshop.operations"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        # The first listens to logins being saved, the second is a system check.
        from eventshop.operations import staff_actors  # noqa: F401
        from eventshop.operations.tamper_evidence import key_check  # noqa: F401
