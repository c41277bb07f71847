"""Admin pages of users; Django imports this package at start."""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnAttestation, WebAuthnCredential

from users.admin import newsletters, sessions, users

# Their pages show secrets; `manage.py reset_second_factor` removes them.
for model in (TOTPDevice, StaticDevice, WebAuthnCredential, WebAuthnAttestation):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

__all__ = ["newsletters", "sessions", "users"]
