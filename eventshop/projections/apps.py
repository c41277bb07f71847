from django.apps import AppConfig


class ProjectionEngineConfig(AppConfig):
    name = "eventshop.projections"
    label = "projection_engine"
    verbose_name = "Projections"
    default_auto_field = "django.db.models.BigAutoField"
