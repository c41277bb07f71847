from django.apps import AppConfig


class UsersConfig(AppConfig):
    """People, their contact details and their consents. What it adds to EventShop stands in `eventshop_plugin.py`."""

    name = "users"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from eventshop.web.api.api_tokens import token_created
        from eventshop.web.api.token_revocation import password_replaced
        from users.application.signed_in_sessions import remember_sign_in
        from users.application.time_zone import remember_at_sign_in
        from users.application.token_notices import tell_of_password, tell_of_token

        user_logged_in.connect(remember_sign_in, dispatch_uid="remember_sign_in")
        user_logged_in.connect(remember_at_sign_in, dispatch_uid="remember_time_zone")
        token_created.connect(tell_of_token, dispatch_uid="tell_of_token")
        password_replaced.connect(tell_of_password, dispatch_uid="tell_of_password")
