"""Signed roots: a daily signature over the heads of all hash chains."""
