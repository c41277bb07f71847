"""An API client generated from the OpenAPI document; it sends real HTTP requests."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from eventshop.web.api import openapi_views
from tests.support.waiting import DEADLINE_S

NAME = "foreign_client"


def generate(folder: Path) -> None:
    """Generate the client package in this folder."""
    config = folder / "generator.json"
    # The generator knows no text bodies but by another name.
    overrides = {"text/csv": "application/octet-stream"}
    config.write_text(json.dumps({"post_hooks": [], "content_type_overrides": overrides}))
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
        *("--path", str(openapi_views.FILE), "--output-path", str(folder / NAME), "--config", str(config)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def models() -> Any:
    """The generated classes of the request and response schemas."""
    return importlib.import_module(f"{NAME}.models")


class ApiProblem(Exception):
    """A response with status 400 or above; `problem` is its typed body."""

    def __init__(self, problem: Any) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class Api:
    """Calls operations by tag and name, `api.orders.post_orders(…)`; adds an idempotency key where one is required."""

    def __init__(self, address: str, token: str) -> None:
        client_class = importlib.import_module(NAME).AuthenticatedClient
        self._client = client_class(
            base_url=address, token=token, raise_on_unexpected_status=True, timeout=httpx.Timeout(DEADLINE_S)
        )

    def __getattr__(self, tag: str) -> Any:
        return _Tag(self._client, tag)

    def close(self) -> None:
        self._client.get_httpx_client().close()


class _Tag:
    def __init__(self, client: Any, tag: str) -> None:
        self._client, self._tag = client, tag

    def __getattr__(self, operation: str) -> Any:
        module = importlib.import_module(f"{NAME}.api.{self._tag}.{operation}")

        def call(*args: Any, **options: Any) -> Any:
            defaults = module.sync_detailed.__kwdefaults__ or {}
            names = module.sync_detailed.__annotations__
            if "idempotency_key" in names and "idempotency_key" not in defaults:
                options.setdefault("idempotency_key", str(uuid4()))
            answer = module.sync_detailed(*args, client=self._client, **options)
            if answer.status_code >= 400:
                raise ApiProblem(answer.parsed)
            return answer

        return call
