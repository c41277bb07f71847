"""What all REST endpoints share: authentication, commands, paging, problems, OpenAPI."""
