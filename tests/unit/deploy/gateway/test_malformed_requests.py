"""The gateway refuses a body that is no JSON object, however deeply it is nested."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.support.gateway_process import SECRET, running_gateway
from tests.support.waiting import DEADLINE_S


@pytest.mark.parametrize("kind", ["charges", "refunds"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, kind: str) -> None:
    with running_gateway(tmp_path) as process:
        for body in (b"", b"{", b"[]", b"[" * 60_000, b'{"a":' * 10_000):
            headers = {"Authorization": f"Bearer {SECRET}", "Idempotency-Key": str(uuid4())}
            url = f"{process.url}/v1/{kind}"
            answer = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=DEADLINE_S)
            assert answer.status_code == 400, (body[:20], answer.text)
