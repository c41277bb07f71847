"""Snapshots of aggregates: taking, storing and reading them, and the versions for which they are valid."""
