"""Shared by all HTML pages: command forms, navigation, form rate limits, timelines, PDF documents."""
