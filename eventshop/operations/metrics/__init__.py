"""Metrics for Prometheus: what is read from the tables when it asks, requests, and the page that it asks."""
