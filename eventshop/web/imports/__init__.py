"""Files of rows that are sent over the API and imported by a worker: jobs with a status."""
