"""Given-when-then sentences and other helpers for the tests of teams that build on EventShop."""
