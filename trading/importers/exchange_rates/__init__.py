"""Imports exchange rates from a CSV file: `rate_file` parses and checks it as a whole."""
