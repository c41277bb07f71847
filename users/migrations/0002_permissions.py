"""The permissions to act on people belong to this app; they belonged to a read model."""

from django.db import migrations, models

from eventshop.permission_migrations import move_permissions

PERMISSIONS = ("reveal_personal", "hold_personal")


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0001_accounts"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="PersonPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": (
                    ("reveal_personal", "Can look at masked personal data, giving a reason"),
                    ("hold_personal", "Can place and release legal holds"),
                ),
            },
        ),
        move_permissions(("projections", "userprofile"), ("users", "personpermission"), PERMISSIONS),
    ]
