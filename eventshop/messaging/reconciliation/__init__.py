"""Compares the event table with the topic `event-store` and restores one from the other."""
