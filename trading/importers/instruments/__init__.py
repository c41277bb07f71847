"""Imports instruments from a CSV file of reference data: `parsing` reads it, `reference_file` checks it as a whole."""
