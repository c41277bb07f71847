"""manage.py run_processes: the old name of run_sagas."""

from eventshop.cli.management.commands import run_sagas
from eventshop.cli.renamed_command import RenamedCommand


class Command(RenamedCommand, run_sagas.Command):
    new_name = "run_sagas"
