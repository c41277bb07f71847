"""Importers: they turn files of other systems into commands."""
