"""The HTML pages of the read models."""
