"""manage.py verify_chain: is every event still the one that was written, and the one that was signed?"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from eventshop.cli.kafka_commands import said_clearly
from eventshop.cli.progress_bar import progress
from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.hash_chain.parallel_verification import FEW, verify
from eventshop.eventstore.hash_chain.verification import Head
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence import root_files, signed_roots

#: How many faults are named.
NAMED: Final = 10


class Command(BaseCommand):
    help = (
        "Walk the hash chain of every stream and hold it against the signed roots; name the first bad event, and fail "
        "if there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--processes", type=int, help="How many at once (default: one per processor).")
        parser.add_argument("--against", type=Path, help="A file of export_roots that was kept elsewhere.")
        parser.add_argument("--public-key", help="Believe this key alone (hexadecimal), whatever the settings say.")

    def handle(
        self, *args: Any, processes: int | None, against: Path | None, public_key: str | None, **options: Any
    ) -> None:
        if processes is not None and processes < 1:
            raise CommandError(f"--processes must be at least 1, not {processes}")
        with said_clearly("Nothing was changed."):
            signed, faults = self._signed(against, frozenset({public_key}) if public_key else None)
            faults += self._walked(signed, processes)
        for fault in faults[:NAMED]:
            self.stdout.write(fault)
        if faults:
            raise CommandError(f"{len(faults):,} faults; the first: {faults[0]}.")
        self.stdout.write("Every event is as it was written.")

    def _signed(self, against: Path | None, believed: frozenset[str] | None) -> tuple[list[Head], list[str]]:
        """What was signed, in our table or in the file, and what is wrong with that itself."""
        if against is None:
            faults = list(signed_roots.faults(_stored(), believed))
            return signed_roots.newest_heads(_stored()), faults
        try:
            with against.open("rb") as file:
                kept = list(root_files.read(file))
        except OSError as error:
            raise CommandError(f"{against}: {error.strerror}") from error
        except InvalidMessage as error:
            raise CommandError(f"{against}: {error}") from error
        return signed_roots.newest_heads(kept), list(signed_roots.faults(kept, believed))

    def _walked(self, signed: list[Head], processes: int | None) -> list[str]:
        total, started = StoredEvent.objects.count(), monotonic()
        processes = processes or (1 if total < FEW else os.cpu_count() or 1)
        with progress(self, "verifying", total) as told:
            walked = verify(signed, processes=processes, told=told)
        took = monotonic() - started
        pace = f"{took:.1f} s, {walked.events / took:,.0f} events/s"
        self.stdout.write(
            f"{walked.events:,} events of {walked.streams:,} streams, {len(signed):,} of them signed; {pace}."
        )
        return [fault.sentence for fault in walked.faults]


def _stored() -> Iterable[SignedRoot]:
    """One at a time: a root's heads can be 5 MB."""
    return SignedRoot.objects.order_by("number").iterator(chunk_size=1)
