from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ConsoleSiteConfig(admin_apps.AdminConfig):
    """Django's admin, with the console's site."""

    default_site = "eventshop.admin_console.site.ConsoleSite"
    default = False


class AdminConsoleConfig(AppConfig):
    name = "eventshop.admin_console"
    label = "admin_console"
    verbose_name = "Console"
    default = True
