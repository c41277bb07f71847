"""The right to erasure: the job, what it touches, the scan for leftovers, certificates."""
