"""Users, their contact details and their consents."""
