from django.apps import AppConfig


class UsersConfig(AppConfig):
    """People, their contact details and their consents."""

    name = "users"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.web.pages import navigation
        from eventshop.web.shared import customer_port
        from users.application import erasure_handlers
        from users.application.customer_adapter import CustomerAdapter
        from users.domain import user  # noqa: F401  (it registers its aggregate)

        erasure_handlers.register()
        customer_port.register(CustomerAdapter())
        navigation.register(
            "My data",
            "users:home",
            order=30,
            about="Your consents, all data we hold about you, and its erasure.",
            visible_to=navigation.signed_in_users,
        )
        navigation.register(
            "Sign in",
            "users:sign-in",
            order=40,
            about="With your e-mail address and password.",
            visible_to=navigation.anonymous_users,
        )
        navigation.register(
            "Create an account",
            "users:sign-up",
            order=50,
            about="We send you an e-mail first; then you choose a password.",
            visible_to=navigation.anonymous_users,
        )
