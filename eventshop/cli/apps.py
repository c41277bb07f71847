from django.apps import AppConfig


class CliConfig(AppConfig):
    name = "eventshop.cli"
    label = "cli"
    verbose_name = "Command line"
