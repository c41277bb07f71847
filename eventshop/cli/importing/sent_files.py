"""Imports files that were sent over the API, by the importers of the command line."""

from __future__ import annotations

from argparse import ArgumentError, ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Signal
from typing import Any

from eventshop.cli.importing.compressed_files import describe_compression
from eventshop.cli.importing.errors import UnreadableFile
from eventshop.cli.importing.file_format import FormatOptions
from eventshop.cli.importing.format_arguments import add_format_arguments, format_options
from eventshop.cli.importing.import_run import ImportRun, RowTally
from eventshop.cli.importing.importer import FileImporter
from eventshop.core.errors import InvalidMessage
from eventshop.web.imports.import_kinds import ImportOrder, ImportProgress, ImportTally


class SentFiles:
    """Files of one importer; `create` makes the importer of one file."""

    def __init__(self, create: Callable[[], FileImporter[Any]]) -> None:
        self._create = create

    def check_options(self, options: Mapping[str, str]) -> None:
        self._parse(options)

    def _parse(self, options: Mapping[str, str]) -> FormatOptions:
        parser = ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
        add_format_arguments(parser, self._create().layout)
        try:
            parsed = parser.parse_args([f"--{name}={value}" for name, value in options.items()])
        except (ArgumentError, ArgumentTypeError) as error:
            name = str(getattr(error, "argument_name", "") or "").lstrip("-")
            raise InvalidMessage(f"{name}: {getattr(error, 'message', error)}", option=name) from error
        return format_options(vars(parsed))

    def run(self, file: Path, order: ImportOrder, progress: ImportProgress) -> ImportTally:
        """As the command does; a row that is refused while reading lets nothing begin if the order is to stop."""
        # Here: web servers know the kinds of imports and need not load what guesses at encodings.
        from eventshop.cli.importing.format_detection import find_format

        if (compression := describe_compression(file)) != "none":
            raise UnreadableFile(f"{file} is compressed ({compression}); send it as it is", file=str(file))
        importer = self._create()
        with importer.create_index() as index:
            run = ImportRun(
                importer,
                index,
                progress.report_row,
                now=datetime.now(UTC),
                dry=order.dry_run,
                requested_by=order.requested_by,
                save=lambda tally: progress.save(_shown(tally)),
            )
            run.read(file, find_format(file, importer.layout, self._parse(order.options)))
            for line, reason in index.refusals():
                progress.report_row(line, reason)
            if not (order.stop_on_error and run.tally.refused):
                for _ in run.import_units(Signal(), stop_on_error=order.stop_on_error):
                    pass  # each batch is saved with its counts
            if run.failed_corrections:
                raise InvalidMessage(
                    f"{'; '.join(run.failed_corrections[:3])}. {len(run.failed_corrections):,} {importer.units_noun} "
                    "of earlier files do not agree with this one yet; to correct them, send the file again"
                )
            return _shown(run.tally)


def _shown(tally: RowTally) -> ImportTally:
    return ImportTally(tally.rows, tally.stored, tally.there, tally.refused, tally.held_back, tally.events)
