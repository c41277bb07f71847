"""Personal data: encrypted under one key per person and purpose, and unreadable once that key is destroyed."""
