from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    """Worker processes and their threads."""

    name = "eventshop.runtime"
    label = "runtime"
    verbose_name = "Runtime"

    def ready(self) -> None:
        from django.conf import settings

        if settings.OTEL_EXPORTER_OTLP_ENDPOINT or settings.TRACES_FILE:
            from eventshop.runtime.trace_export import start_tracing  # the SDK takes time to import

            start_tracing(
                service=settings.OTEL_SERVICE_NAME,
                endpoint=settings.OTEL_EXPORTER_OTLP_ENDPOINT,
                file=settings.TRACES_FILE,
            )
