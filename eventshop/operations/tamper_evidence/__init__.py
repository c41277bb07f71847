"""Tamper evidence: signatures over the heads of all hash chains and over new rows of other tables, and anchors."""
