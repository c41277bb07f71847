"""Tamper evidence: a daily signature over the heads of all hash chains."""
