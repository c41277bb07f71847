"""Use cases and ports of users and their consents, between the domain and the edges."""
