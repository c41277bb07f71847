"""Reconciliation of the read models with control totals computed from the imported files."""
