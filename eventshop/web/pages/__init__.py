"""Shared by all HTML pages: command forms, navigation, questions for the password, timelines, PDF documents."""
