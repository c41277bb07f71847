"""A client of the API, generated from its description as anybody would, and asked over HTTP."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from eventshop.web.api import openapi_views

NAME = "eventshop_client"


def generate(folder: Path) -> None:
    """Write the package into a folder."""
    config = folder / "generator.json"
    config.write_text(json.dumps({"post_hooks": []}))
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
        *("--path", str(openapi_views.FILE), "--output-path", str(folder / NAME), "--config", str(config)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def models() -> Any:
    """What is sent and answered, as classes."""
    return importlib.import_module(f"{NAME}.models")


class ApiProblem(Exception):
    """The typed problem of an answer."""

    def __init__(self, problem: Any) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class Api:
    """Calls by the names of the operations, `api.orders.post_orders(…)`; keys and versions where they are needed."""

    def __init__(self, address: str, token: str) -> None:
        client_class = importlib.import_module(NAME).AuthenticatedClient
        self._client = client_class(base_url=address, token=token, raise_on_unexpected_status=True)

    def __getattr__(self, tag: str) -> Any:
        return _Tag(self._client, tag)

    def close(self) -> None:
        self._client.get_httpx_client().close()


class _Tag:
    def __init__(self, client: Any, tag: str) -> None:
        self._client, self._tag = client, tag

    def __getattr__(self, operation: str) -> Any:
        module = importlib.import_module(f"{NAME}.api.{self._tag}.{operation}")

        def call(*args: Any, **given: Any) -> Any:
            wanted = module.sync_detailed.__kwdefaults__ or {}
            names = module.sync_detailed.__annotations__
            if "idempotency_key" in names and "idempotency_key" not in wanted:
                given.setdefault("idempotency_key", str(uuid4()))
            answer = module.sync_detailed(*args, client=self._client, **given)
            if answer.status_code >= 400:
                raise ApiProblem(answer.parsed)
            return answer

        return call
