"""The comparison for `http`: Django REST framework as in its tutorials, which checks a token and inserts one row.

A site of its own in one module (settings, model, view, URL and WSGI application), on the measured database.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import django
import environ
from django.conf import settings

SKUS: Final = 100

if not settings.configured:
    settings.configure(
        SECRET_KEY="only-for-benchmarks-never-for-a-server",  # noqa: S106  (this site is never deployed)
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": environ.Env().db_url_config(os.environ["DATABASE_URL"]) | {"CONN_MAX_AGE": 60}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "rest_framework.authtoken",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGGING_CONFIG=None,
    )
    django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402  (needs the settings)
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import generics, serializers  # noqa: E402


class PlainOrder(models.Model):
    """An order with one line, as a row."""

    sku = models.CharField(max_length=100)
    quantity = models.IntegerField()
    price = models.DecimalField(max_digits=18, decimal_places=3)
    currency = models.CharField(max_length=3)
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=1_000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "plain"

    def __str__(self) -> str:
        return f"{self.quantity} {self.sku}"


class PlainOrders(generics.CreateAPIView):  # type: ignore[type-arg]
    """`POST /orders`."""

    class PlainSerializer(serializers.ModelSerializer[PlainOrder]):
        class Meta:
            model = PlainOrder
            fields = "__all__"

    serializer_class = PlainSerializer


urlpatterns = [path("orders", PlainOrders.as_view())]
application = get_wsgi_application()


def prepare_database() -> str:
    """Create the tables and a user; return the user's token."""
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    with connection.schema_editor() as schema:
        for model in (Token, PlainOrder):
            schema.create_model(model)
    token: Any = Token.objects.create(user=User.objects.create_user("plain"))
    return str(token.key)


if __name__ == "__main__" and sys.argv[1:] == ["prepare"]:
    print(prepare_database())
