"""An app whose handlers fail, and quote in their errors what they were given: as careless code does."""
