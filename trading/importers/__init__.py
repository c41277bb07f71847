"""Importers: turn files of other systems into commands."""
