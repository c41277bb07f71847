"""Scans every table, topic, cache and queued message for personal data that is left after an erasure.

The scan only counts the rows and records that contain a search term. Their content is never copied anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import redis
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from msgspec import Struct

from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure.search_terms import Leftover, SearchTerms


class ScanReport(Struct, frozen=True):
    """How much was scanned in each location, and the locations with leftovers."""

    looked_at: dict[str, int]
    hits: list[Leftover]


#: How many search terms and ids one query on a table contains.
_MARKS_PER_QUERY: Final = 50


def scan_for_leftovers(terms: SearchTerms) -> ScanReport:
    """Scan all locations. An error in any location is raised: a location that cannot be scanned is not clean."""
    looked_at: dict[str, int] = {}
    hits: list[Leftover] = []
    for where, count, leftovers in (
        *_scan_tables(terms),
        *_scan_topics(terms),
        *_scan_caches(terms),
        *_scan_queued_messages(terms),
    ):
        looked_at[where] = count
        if leftovers:
            hits.append(Leftover(where, leftovers))
    return ScanReport(looked_at, hits)


ScannedLocation = tuple[str, int, int]  # location, items scanned, items with leftovers


def _scan_tables(terms: SearchTerms) -> Iterator[ScannedLocation]:
    for alias in sorted({"default", keys_database()}):
        connection = connections[alias]
        with connection.cursor() as cursor:
            for table in sorted(connection.introspection.table_names(cursor)):
                yield f"table {table}", *_scan_table(connection, cursor, table, terms)


def _scan_table(connection: Any, cursor: Any, table: str, terms: SearchTerms) -> tuple[int, int]:
    """Count the rows, and those with leftovers. The database filters by unique terms and ids, and gives the matches."""
    cursor.execute(f'SELECT COUNT(*) FROM "{table}"')
    [rows] = cursor.fetchone()
    if not rows or not terms.terms:
        return rows, 0
    select = (
        _select_on_postgres(cursor, table)
        if connection.vendor == "postgresql"
        else _select_on_sqlite(connection, cursor, table)
    )
    hits: set[bytes] = set()  # digests of rows: a row that matches several queries counts once
    for start in range(0, len(terms.marks), _MARKS_PER_QUERY):
        select(terms.marks[start : start + _MARKS_PER_QUERY])
        while rows_found := cursor.fetchmany(1_000):
            contents = (row[0] if isinstance(row[0], bytes) else row[0].encode() for row in rows_found)
            hits |= {sha256(content).digest() for content in contents if terms.found_in(content)}
    return rows, len(hits)


def _select_on_postgres(cursor: Any, table: str) -> Callable[[list[str]], None]:
    text = _postgres_row_text(cursor, table)

    def select(marks: list[str]) -> None:
        patterns = [f"%{_escape_like(mark)}%" for mark in marks]
        cursor.execute(f'SELECT {text} FROM "{table}" WHERE lower({text}) LIKE ANY(%s)', [patterns])

    return select


def _select_on_sqlite(connection: Any, cursor: Any, table: str) -> Callable[[list[str]], None]:
    columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    text = " || ' ' || ".join(f"COALESCE(CAST(\"{name}\" AS TEXT), '')" for name in columns)

    def select(marks: list[str]) -> None:
        any_of = " OR ".join(["instr(lower(t), %s)"] * len(marks))
        cursor.execute(f'SELECT CAST(t AS BLOB) FROM (SELECT {text} AS t FROM "{table}") WHERE {any_of}', marks)

    return select


def _postgres_row_text(cursor: Any, table: str) -> str:
    """The SQL for a whole row as text, with binary columns byte by byte instead of as hexadecimal digits."""
    cursor.execute(
        "SELECT attname, atttypid = 'bytea'::regtype FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [f'"{table}"'],
    )
    columns = [f"encode(\"{name}\", 'escape')" if binary else f'"{name}"::text' for name, binary in cursor.fetchall()]
    return f"concat_ws(' ', {', '.join(columns)})"


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _scan_topics(terms: SearchTerms) -> Iterator[ScannedLocation]:
    if settings.KAFKA_OPTIONS:
        from eventshop.messaging.kafka.topic_scan import known_topic_names, read_record_bytes

        for topic in known_topic_names():
            count = hits = 0
            for content in read_record_bytes(topic):
                count += 1
                hits += terms.found_in(content)
            yield f"topic {topic}", count, hits


def _scan_caches(terms: SearchTerms) -> Iterator[ScannedLocation]:
    for name in settings.CACHES:
        values = getattr(caches[name], "_cache", None)
        if isinstance(values, dict):  # local memory: only this process's cache can be scanned
            yield f"cache {name}", *_count_hits(terms, (bytes(value) for value in list(values.values())))
    for name, url in _redis_urls():
        yield name, *_count_hits(terms, _redis_values(url))


def _redis_urls() -> Iterator[tuple[str, str]]:
    for name, cache in settings.CACHES.items():
        location = cache.get("LOCATION", "")
        if isinstance(location, str) and location.startswith("redis"):
            yield f"cache {name}", location
    if settings.CELERY_BROKER_URL.startswith("redis"):
        yield "task queues", settings.CELERY_BROKER_URL


def _redis_values(url: str) -> Iterator[bytes]:
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
            yield f"messages {option}", *_count_hits(terms, map(_read_if_present, files))


def _read_if_present(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a worker took the message meanwhile
        return b""


def _count_hits(terms: SearchTerms, contents: Iterable[bytes]) -> tuple[int, int]:
    count = hits = 0
    for content in contents:
        count += 1
        hits += terms.found_in(content)
    return count, hits
