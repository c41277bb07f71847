"""What every background worker needs: leases, back-off, locks, threads, circuit breakers, fault injection."""
