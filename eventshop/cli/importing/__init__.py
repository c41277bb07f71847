"""Shared parts of file importers: numbered lines, typed refusals, progress, and stopping after the current batch."""
