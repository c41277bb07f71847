"""Starts EventShop and the servers it needs on one machine."""
