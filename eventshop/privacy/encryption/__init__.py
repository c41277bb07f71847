"""Field encryption with one key per person and purpose, and the wrapping of these keys."""
