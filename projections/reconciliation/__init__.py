"""Compares read models with control totals computed from the imported files themselves."""
