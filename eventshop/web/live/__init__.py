"""Pages that follow what happens: server-sent events say "look again", and the page does."""
