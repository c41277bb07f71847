"""Use cases and ports of people and their consents: between the domain and the edges."""
