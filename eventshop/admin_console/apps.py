from django.apps import AppConfig


class AdminConsoleConfig(AppConfig):
    name = "eventshop.admin_console"
    label = "admin_console"
    verbose_name = "Console"
