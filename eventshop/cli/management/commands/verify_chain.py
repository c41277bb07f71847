"""manage.py verify_chain: verify the hash chain of every stream against the signed roots."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Any, Final

from django.core.management.base import CommandError

from eventshop.cli.kafka_commands import add_processes_argument, check_processes, report_errors
from eventshop.cli.progress_bar import show_progress
from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.hash_chain.parallel_verification import SINGLE_PROCESS_MAX_EVENTS, verify_chains
from eventshop.eventstore.hash_chain.verification import ChainHead
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence import root_files, sealed_rows, signed_roots
from eventshop.runtime.management_command import ManagementCommand

#: Faults that the command prints.
MAX_REPORTED: Final = 10


class Command(ManagementCommand):
    help = (
        "Verify the hash chain of every stream and compare it with the signed roots. Print the faults in the order "
        "of the store, and fail if there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_processes_argument(parser)
        parser.add_argument("--against", type=Path, help="A file of export_roots, instead of the stored roots.")
        parser.add_argument(
            "--public-key", help="Trust only this key (hexadecimal) instead of the keys in the settings."
        )

    def handle(
        self, *args: Any, processes: int | None, against: Path | None, public_key: str | None, **options: Any
    ) -> None:
        check_processes(processes)
        with report_errors("Nothing was changed."):
            signed_heads, faults = self._load_signed_heads(against, frozenset({public_key}) if public_key else None)
            faults += self._verify_rows(against)
            faults += self._verify_streams(signed_heads, processes)
        for fault in faults[:MAX_REPORTED]:
            self.stdout.write(fault)
        if faults:
            raise CommandError(f"{len(faults):,} faults; the first: {faults[0]}.")
        self.stdout.write("Every event is as it was written.")

    def _load_signed_heads(
        self, against: Path | None, trusted_keys: frozenset[str] | None
    ) -> tuple[list[ChainHead], list[str]]:
        """The newest signed stream heads, from the table or the file, and the faults of the roots themselves."""
        if against is None:
            faults = _describe_root_faults(_stored_roots(), trusted_keys)
            return signed_roots.newest_heads(_stored_roots()), faults
        try:
            with against.open("rb") as file:
                roots = list(root_files.read_roots(file))
        except OSError as error:
            raise CommandError(f"{against}: {error.strerror}") from error
        except InvalidMessage as error:
            raise CommandError(f"{against}: {error}") from error
        return signed_roots.newest_heads(roots), _describe_root_faults(roots, trusted_keys)

    def _verify_rows(self, against: Path | None) -> list[str]:
        """The faults of receipts, accesses, saga steps and certificates that are in the roots."""
        faults = [fault.description for fault in sealed_rows.find_row_faults(_roots_of(against))]
        self.stdout.write(f"{sealed_rows.count_rows(_roots_of(against)):,} rows of other tables are signed.")
        return faults

    def _verify_streams(self, signed_heads: list[ChainHead], processes: int | None) -> list[str]:
        total, started = StoredEvent.objects.count(), monotonic()
        processes = processes or (1 if total < SINGLE_PROCESS_MAX_EVENTS else os.cpu_count() or 1)
        with show_progress(self, "verifying", total) as report_progress:
            result = verify_chains(signed_heads, processes=processes, report_progress=report_progress)
        seconds = monotonic() - started
        pace = f"{seconds:.1f} s, {result.events / seconds:,.0f} events/s"
        self.stdout.write(
            f"{result.events:,} events of {result.streams:,} streams, {len(signed_heads):,} of them signed; {pace}."
        )
        return [fault.description for fault in result.faults]


def _describe_root_faults(roots: Iterable[SignedRoot], trusted_keys: frozenset[str] | None) -> list[str]:
    return [fault.description for fault in signed_roots.find_faults(roots, trusted_keys)]


def _roots_of(against: Path | None) -> Iterable[SignedRoot]:
    if against is None:
        return _stored_roots()
    with against.open("rb") as file:
        return list(root_files.read_roots(file))


def _stored_roots() -> Iterable[SignedRoot]:
    """The stored roots, loaded one at a time: the heads of one can be 5 MB."""
    return SignedRoot.objects.order_by("number").iterator(chunk_size=1)
