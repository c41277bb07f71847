"""Shared by all REST endpoints: authentication, commands, pagination, problem details, OpenAPI."""
