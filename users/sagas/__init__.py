"""Sagas (process managers) of users and their consents, and the effects they request; imports no framework."""
