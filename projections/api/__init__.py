"""The REST API of the read models."""
