"""manage.py retry_parked: the old name of retry_dead_letters."""

from eventshop.cli.management.commands import retry_dead_letters
from eventshop.cli.renamed_command import RenamedCommand


class Command(RenamedCommand, retry_dead_letters.Command):
    new_name = "retry_dead_letters"
