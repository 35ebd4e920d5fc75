"""A mailbox that a server keeps and gives out by IMAP4rev1 (RFC 3501)."""
