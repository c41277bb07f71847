"""Add the golden bytes of a newly published event: python -m tests.unit.eventshop.messaging.golden NAME.vN PAYLOAD ...

A payload is JSON exactly as the store would hold it. An entry that is there is never changed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import django

FILE: Final = Path(__file__).with_name("golden.json")


def add(name: str, payload: str, file: Path = FILE) -> None:
    """Write one more entry; raises `SystemExit` when there is one, or the payload does not fit its schema."""
    from eventshop.core.errors import EventShopError
    from eventshop.core.message_registry import registry
    from eventshop.messaging.serialization.avro_codec import encode_payload

    golden: dict[str, Any] = json.loads(file.read_text())
    if name in golden["values"]:
        raise SystemExit(f"{name} has its bytes already, for ever.")
    event_type, _, version = name.rpartition(".v")
    try:
        value = encode_payload(event_type, int(version), payload)
        registry.reader_for(event_type, int(version))
    except (EventShopError, ValueError) as error:
        raise SystemExit(f"{name}: {error}") from error
    golden["values"][name] = {"payload": payload, "avro": value.hex()}
    file.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
    django.setup()
    for name, payload in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        add(name, payload)
        sys.stdout.write(f"{name} added to {FILE.name}\n")
