"""The web layer: REST API, HTML pages, live updates and webhooks."""
