from typing import Any

from django.db import migrations

from eventshop.privacy.encryption.stored_secrets import decrypt_secret, encrypt_secret


def encrypt_keys(apps: Any, schema_editor: Any) -> None:
    """Keys of authenticator apps were stored as hexadecimal digits."""
    for app in apps.get_model("otp_totp", "TOTPDevice").objects.exclude(key__contains=":").iterator():
        app.key = encrypt_secret(bytes.fromhex(app.key), _owner_of(app))
        app.save(update_fields=["key"])


def decrypt_keys(apps: Any, schema_editor: Any) -> None:
    for app in apps.get_model("otp_totp", "TOTPDevice").objects.filter(key__contains=":").iterator():
        app.key = decrypt_secret(app.key, _owner_of(app)).hex()
        app.save(update_fields=["key"])


def _owner_of(app: Any) -> str:
    return f"authenticator app of {app.user_id}"


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0005_staff_end_sessions"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuthenticatorApp",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("otp_totp.totpdevice",),
        ),
        migrations.RunPython(encrypt_keys, decrypt_keys),
    ]
