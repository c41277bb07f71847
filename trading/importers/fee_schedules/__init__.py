"""Imports the terms of fees from a CSV file, as a whole or not at all."""
