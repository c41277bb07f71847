"""The REST API of users and their consents."""
