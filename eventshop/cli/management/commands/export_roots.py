"""manage.py export_roots FILE: every signed root, for an external party to keep."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.kafka_commands import report_errors
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence import root_files
from eventshop.operations.tamper_evidence.signed_roots import sign_new_roots
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Sign the new events, and write every signed root with its stream heads to a file for an external party."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="The file to create; it must not exist.")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        with report_errors("Remove the file: it is incomplete."):
            sign_new_roots()
            try:
                with file.open("xb") as out:
                    out.writelines(
                        root_files.encode_roots(SignedRoot.objects.order_by("number").iterator(chunk_size=1))
                    )
            except OSError as error:
                raise CommandError(f"{file}: {error.strerror}") from error
        last = SignedRoot.objects.defer("heads").order_by("-number").first()
        self.stdout.write(
            f"{last.number} roots up to position {last.to_position}, signed by {last.public_key}."
            if last
            else "There is no signed root: the store has no event."
        )
