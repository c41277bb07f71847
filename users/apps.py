from django.apps import AppConfig


class UsersConfig(AppConfig):
    """People, their contact details and their consents."""

    name = "users"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.web.pages import navigation
        from eventshop.web.shared import customer_port
        from users.application import erasure_handlers
        from users.application.customer_adapter import Customers
        from users.domain import user  # noqa: F401  (it registers its aggregate)

        erasure_handlers.register()
        customer_port.register(Customers())
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
