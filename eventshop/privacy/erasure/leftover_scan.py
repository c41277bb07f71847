"""Scans every table, topic, cache and queued message for personal data that is left after an erasure.

The scan only counts the rows and records that contain a search term. Their content is never copied anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.cache import caches
from django.db import connections
from msgspec import Struct

from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure.search_terms import SearchTerms
from eventshop.privacy.erasure.table_scan import FoundItem, count_rows, find_rows


class Leftover(Struct, frozen=True):
    """A location with search terms, and in how many rows or records; the first of them. It never contains the term."""

    where: str
    count: int
    items: tuple[FoundItem, ...] = ()


class ScanReport(Struct, frozen=True):
    """How much was scanned in each location, and the locations with leftovers."""

    looked_at: dict[str, int]
    hits: list[Leftover]


#: So many rows or records of one location are named; the others are counted.
MAX_ITEMS: Final = 100
ScannedLocation = tuple[str, int, list[FoundItem]]  # location, items scanned, items with leftovers


def scan_for_leftovers(terms: SearchTerms) -> ScanReport:
    """Scan all locations. An error in any location is raised: a location that cannot be scanned is not clean."""
    looked_at: dict[str, int] = {}
    hits: list[Leftover] = []
    for where, count, found in (
        *_scan_tables(terms),
        *_scan_topics(terms),
        *_scan_caches(terms),
        *_scan_queued_messages(terms),
    ):
        looked_at[where] = count
        if found:
            hits.append(Leftover(where, len(found), tuple(found[:MAX_ITEMS])))
    return ScanReport(looked_at, hits)


def _scan_tables(terms: SearchTerms) -> Iterator[ScannedLocation]:
    for alias in sorted({"default", keys_database()}):
        connection = connections[alias]
        for table in sorted(connection.introspection.table_names()):
            count = count_rows(connection, table)
            yield f"table {table}", count, list(find_rows(connection, table, terms)) if count and terms.terms else []


def _scan_topics(terms: SearchTerms) -> Iterator[ScannedLocation]:
    if settings.KAFKA_OPTIONS:
        from eventshop.messaging.kafka.topic_scan import known_topic_names, read_record_bytes

        for topic in known_topic_names():
            yield f"topic {topic}", *_find_in(terms, read_record_bytes(topic))


def _scan_caches(terms: SearchTerms) -> Iterator[ScannedLocation]:
    for name in settings.CACHES:
        values = getattr(caches[name], "_cache", None)
        if isinstance(values, dict):  # local memory: only this process's cache can be scanned
            yield f"cache {name}", *_find_in(terms, (bytes(value) for value in list(values.values())))
    for name, url in _redis_urls():
        yield name, *_find_in(terms, _redis_values(url))


def _redis_urls() -> Iterator[tuple[str, str]]:
    for name, cache in settings.CACHES.items():
        location = cache.get("LOCATION", "")
        if isinstance(location, str) and location.startswith("redis"):
            yield f"cache {name}", location
    if settings.CELERY_BROKER_URL.startswith("redis"):
        yield "task queues", settings.CELERY_BROKER_URL


def _redis_values(url: str) -> Iterator[bytes]:
    import redis  # only here: it takes a fifth of the start of every program

    client: Any = redis.from_url(url)
    try:
        for key in client.scan_iter(count=500):
            yield key
            match client.type(key):
                case b"string":
                    yield client.get(key) or b""
                case b"hash":
                    yield from (part for pair in client.hgetall(key).items() for part in pair)
                case b"list":
                    yield from client.lrange(key, 0, -1)
                case b"set":
                    yield from client.smembers(key)
                case b"zset":
                    yield from client.zrange(key, 0, -1)
                case b"stream":
                    yield from (str(entry).encode() for entry in client.xrange(key))
                case _:
                    pass  # the key was deleted meanwhile
    finally:
        client.close()


def _scan_queued_messages(terms: SearchTerms) -> Iterator[ScannedLocation]:
    for option, folder in sorted(settings.CELERY_BROKER_TRANSPORT_OPTIONS.items()):
        if option in ("data_folder_in", "processed_folder", "control_folder"):
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            yield f"messages {option}", *_find_in(terms, map(_read_if_present, files))


def _read_if_present(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a worker took the message meanwhile
        return b""


def _find_in(terms: SearchTerms, contents: Iterable[bytes]) -> tuple[int, list[FoundItem]]:
    """How many there are, and those with leftovers, by their number in the order of reading."""
    number, found = 0, []
    for number, content in enumerate(contents, start=1):
        if terms.found_in(content):
            found.append(FoundItem(str(number), None))
    return number, found
