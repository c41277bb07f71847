#!/usr/bin/env python3
"""Verify an exported audit trail independently of EventShop: python3 check_audit_trail.py FILE (.csv or .jsonl).

The hash of an event is SHA-256 over the hash of the previous event in its stream (32 zero bytes for the first one) and
the columns below, joined by line feeds. A changed, removed, repeated or moved event breaks the hash chain of its
stream; the script then prints the event and exits with code 1.
"""

import csv
import hashlib
import json
import re
import sys
from collections.abc import Iterator

HASHED_COLUMNS = (
    *("event_id", "aggregate_id", "aggregate_type", "event_type", "version", "schema_version"),
    *("occurred_at", "recorded_at", "correlation_id", "causation_id", "saga_id", "sequence_number"),
    *("command_id", "actor", "metadata", "payload"),
)


def read_rows(path: str) -> Iterator[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        if path.endswith(".csv"):
            csv.field_size_limit(2**24)
            for row in csv.DictReader(file):
                # A quote keeps spreadsheets from reading a name as a formula.
                yield row | {"actor": re.sub("^'(?=[=+@-])", "", row["actor"])}
        else:
            yield from map(json.loads, file)


def verify(path: str) -> tuple[int, int]:
    """Return the numbers of events and streams; raises ValueError at the first event that was altered."""
    streams: dict[str, tuple[int, bytes]] = {}
    events = 0
    for events, row in enumerate(read_rows(path), start=1):
        version, previous_hash = streams.get(row["aggregate_id"], (0, bytes(32)))
        name = f"event {events}, {row['event_type']} {row['aggregate_id']}:{row['version']}"
        if int(row["version"]) != version + 1:
            raise ValueError(f"{name}: version {version + 1} should be here")
        digest = hashlib.sha256(previous_hash + "\n".join(row[column] for column in HASHED_COLUMNS).encode()).digest()
        if digest.hex() != row["hash"]:
            raise ValueError(f"{name}: its hash should be {digest.hex()}")
        streams[row["aggregate_id"]] = (version + 1, digest)
    return events, len(streams)


if __name__ == "__main__":
    try:
        print("{:,} events of {:,} trades are as they were recorded.".format(*verify(sys.argv[1])))
    except (IndexError, OSError, KeyError, TypeError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
