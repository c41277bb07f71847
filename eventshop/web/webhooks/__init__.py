"""Events told to other people's servers (Standard Webhooks): collected from the feed, signed, tried again."""
