"""The HTML pages of users and their consents."""
