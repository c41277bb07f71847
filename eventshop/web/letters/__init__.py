"""Letters: e-mails about what happened, composed from events, in one look, as text and as HTML."""
