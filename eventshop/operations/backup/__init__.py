"""Backups of the store as folders that say what is in them, and their restore."""
