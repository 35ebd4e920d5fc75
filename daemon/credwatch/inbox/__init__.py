"""Mail that comes in: from a maildir, by IMAP or by LMTP, read as what it is."""
