"""The HTML pages of people and their consents."""
