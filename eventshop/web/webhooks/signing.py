"""Signing secrets of webhooks. They are not stored: each is derived from SECRET_KEY, the endpoint id and a number."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.crypto import salted_hmac
from standardwebhooks import Webhook

from eventshop.web.models import WebhookEndpoint

#: How long messages are signed with the previous secret too, so that a receiver can change to the new one.
OVERLAP: Final = timedelta(days=1)


def signing_secret(endpoint: WebhookEndpoint, *, former: bool = False) -> str:
    """The secret in the format of Standard Webhooks: `whsec_` and base64."""
    number = endpoint.secret_number - former
    return "whsec_" + b64encode(salted_hmac("webhook", f"{endpoint.pk}:{number}", algorithm="sha256").digest()).decode()


def rotate_secret(endpoint: WebhookEndpoint) -> None:
    """Give the endpoint a new secret. The previous one stays valid for `OVERLAP`."""
    endpoint.secret_number += 1
    endpoint.former_until = timezone.now() + OVERLAP
    endpoint.version += 1
    endpoint.save(update_fields=["secret_number", "former_until", "version"])


def signature_header(endpoint: WebhookEndpoint, webhook_id: str, now: datetime, body: str) -> str:
    """The header `webhook-signature`: one signature for each secret that is valid now."""
    secrets = [signing_secret(endpoint)]
    if endpoint.former_until and endpoint.former_until > now:
        secrets.append(signing_secret(endpoint, former=True))
    return " ".join(Webhook(secret).sign(webhook_id, now, body) for secret in secrets)
