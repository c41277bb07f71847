"""Checks for those who change EventShop; nothing here runs in production."""
