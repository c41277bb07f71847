"""Admin pages of users; Django imports this package at start."""

from users.admin import users

__all__ = ["users"]
