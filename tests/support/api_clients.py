"""API clients with a token, and a check of problem responses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.contrib.auth.models import User as Login
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.web.api import api_tokens
from eventshop.web.api.token_permissions import SCOPES
from tests.support.customers import sign_up
from users.application import accounts


def token_of(login: Login, *, scopes: Iterable[str] = tuple(SCOPES), lifetime: timedelta = timedelta(days=1)) -> str:
    return api_tokens.create_token(login, name="a script", scopes=scopes, lifetime=lifetime)[1]


def staff(name: str, *permissions: str) -> Login:
    login, _ = Login.objects.get_or_create(username=name, is_staff=True)
    login.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return login


class ApiClient:
    """Sends JSON with a token and, for each command, a new `Idempotency-Key`; more headers as keyword arguments."""

    def __init__(self, login: Login, **token_options: Any) -> None:
        self.login = login
        self.person: UUID | None = accounts.person_of(login)
        self.client = Client(headers={"authorization": f"Bearer {token_of(login, **token_options)}"})
        # An exception must become a 500 response, as it does on a server.
        self.client.raise_request_exception = False

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/api/v1/{path}", headers=_headers(headers))

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("post", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Header names as keyword arguments: `if_match='"3"'`."""
        all_headers = {"idempotency_key": str(new_id())} | headers
        text = json.dumps(body) if body is not None else ""
        call = getattr(self.client, method)
        return call(f"/api/v1/{path}", text, content_type="application/json", headers=_headers(all_headers))


def _headers(named: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in named.items() if value}


def shopper(email: str = "ada@example.org", **token_options: Any) -> ApiClient:
    return ApiClient(sign_up(email), **token_options)


def problem_of(answer: Any) -> tuple[int, str]:
    """Status and code of a problem response; fails if the response is not complete problem details."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content[:200]
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "detail", "code"} <= set(body)
    assert body["trace_id"] == answer.headers["X-Request-ID"].replace("-", "")
    return answer.status_code, body["code"]
