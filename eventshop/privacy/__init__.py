"""Personal data: encrypted under a key for each person and purpose, unreadable once the key is destroyed."""
