"""Importers: files of other systems become commands."""
