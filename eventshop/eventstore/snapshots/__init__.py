"""Snapshots of aggregates: when they are taken, how they are stored, when they are valid."""
