"""Operations: health checks, request log, periodic jobs, tamper evidence and content security."""
