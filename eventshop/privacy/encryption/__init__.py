"""Field encryption with a key for each person and purpose, and the wrapping of those keys."""
