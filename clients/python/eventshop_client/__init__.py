"""A typed client of the EventShop API: idempotent retries, reading one's own writes, and verified webhooks."""

from __future__ import annotations

from eventshop_client.client import Client
from eventshop_client.transport import Answer, ApiProblem
from eventshop_client.webhooks import InvalidSignature, verify_webhook

__all__ = ["Answer", "ApiProblem", "Client", "InvalidSignature", "verify_webhook"]
