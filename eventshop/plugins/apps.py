from django.apps import AppConfig


class PluginsConfig(AppConfig):
    """Stands last in INSTALLED_APPS: when it is ready, the models of every app are."""

    name = "eventshop.plugins"
    label = "plugins"
    verbose_name = "Plug-ins"

    def ready(self) -> None:
        from eventshop.plugins.loading import load_plugins

        load_plugins()
