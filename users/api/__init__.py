"""The REST API of people and their consents."""
