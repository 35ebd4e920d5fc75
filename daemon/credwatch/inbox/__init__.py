"""Mail that comes in: from a maildir or by LMTP, read as what it is."""
