"""Comparing and restoring at size: a topic with most records in one partition is republished, verified and restored."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import psycopg
from rich.table import Table

from benchmarks.harness import Environment, measure, measure_command, run_manage, temporary_stack
from benchmarks.report import console, target_verdict

#: The goal for restoring a million events.
GOAL_S: Final = 180
#: The share of the events that are in one stream, and so in one partition; and of those in all partitions.
LONG_SHARE: Final = 0.6
SPREAD_SHARE: Final = 0.3


def recovery(options: argparse.Namespace) -> None:
    """The whole table republished, compared with Kafka, and restored into an empty database.

    Three of five events lie in one partition. With `--full` a million events. Below it is what the same records and
    rows take without EventShop: read with kafka-python and dropped; copied from table to table by PostgreSQL.
    """
    events = 1_000_000 if options.full else 100_000
    table = Table("PostgreSQL and Kafka", "seconds", "events/s", "CPU an event", "memory", "target")
    with temporary_stack() as env:
        measure(env, "write_deliveries", sku="mug", events=int(events * LONG_SHARE))
        measure(env, "write_sales", orders=int(events * SPREAD_SHARE / 3))
        measure(env, "write_deliveries", sku="pen", events=int(events * (1 - LONG_SHARE - SPREAD_SHARE)))
        with _empty_database(env) as empty:
            for label, environment, command in (
                ("republish", env, "republish_events"),
                ("verify", env, "verify_log"),
                ("restore", empty, "restore_events_from_kafka"),
            ):
                used = measure_command(environment, command)
                goal = f"{target_verdict(GOAL_S, used.seconds * 1e6 / events)} {GOAL_S} s a million"
                table.add_row(
                    f"{label} {events:,} events",
                    f"{used.seconds:.1f}",
                    f"{events / used.seconds:,.0f}",
                    f"{used.cpu_s / events * 1e6:.0f} us",
                    f"{used.memory_mb:.0f} MB",
                    goal if label == "restore" else "",
                )
        for label, measurement in (
            ("limit: kafka-python reads", "read_records_only"),
            ("limit: COPY, same indexes,", "copy_rows_only"),
        ):
            limit = measure(env, measurement)
            table.add_row(
                f"{label} {events:,} events",
                f"{limit['seconds']:.1f}",
                f"{events / limit['seconds']:,.0f}",
                f"{limit['cpu_s'] / events * 1e6:.0f} us",
                f"{limit['memory_mb']:.0f} MB",
                "",
            )
    console.print(table)


@contextmanager
def _empty_database(env: Environment) -> Iterator[Environment]:
    """Another database on the same server, migrated, which knows the same topics."""
    url = urlsplit(env["DATABASE_URL"])
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    empty = env | {"DATABASE_URL": url._replace(path="/restored").geturl()}
    run_manage(empty, "migrate", "--verbosity", "0")
    run_manage(empty, "create_topics")
    yield empty
