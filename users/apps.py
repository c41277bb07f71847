from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Users, their contact details and their consents."""

    name = "users"
