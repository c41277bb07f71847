"""Shared by pages and API: read your writes, typed request errors, the customer port."""
