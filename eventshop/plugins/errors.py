"""What is wrong with a plug-in file: said at start, with file, line and what to do."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class PluginError(ImproperlyConfigured):
    """A plug-in cannot be used."""

    def __init__(self, where: str, problem: str, fix: str) -> None:
        super().__init__(f"{where}: {problem}. {fix}")
