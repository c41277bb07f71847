from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    verbose_name = "Read models"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.ops import health
        from projections import catalogue  # noqa: F401  (registers every projection)
        from projections.health import projections

        health.register(projections)
