"""The sagas (process managers) of people and their consents, and the effects they ask for; no framework."""
