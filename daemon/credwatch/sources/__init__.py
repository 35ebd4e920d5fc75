"""Where lines come from: one file a source, one contract."""
