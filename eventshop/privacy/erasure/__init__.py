"""The right to erasure (Art. 17 GDPR): the erasure job, the personal data holders, the leftover scan, certificates."""
