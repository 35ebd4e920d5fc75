"""Lines to events: envelopes, packs, timestamps and redaction, as whole columns."""
