from django.apps import AppConfig


class UsersConfig(AppConfig):
    """People, their contact details and their consents."""

    name = "users"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.web import customers, navigation
        from users import erasure, user  # noqa: F401  (it registers its aggregate)
        from users.people import Customers

        erasure.register()
        customers.register(Customers())
        navigation.register(
            "My data",
            "users:home",
            order=30,
            about="Your consents, everything we hold about you, and the way out.",
            shown=navigation.signed_in,
        )
        navigation.register(
            "Sign in",
            "users:sign-in",
            order=40,
            about="With your e-mail address and password.",
            shown=navigation.strangers,
        )
        navigation.register(
            "Create an account",
            "users:sign-up",
            order=50,
            about="We write to you first; then you choose a password.",
            shown=navigation.strangers,
        )
