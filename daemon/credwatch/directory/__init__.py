"""Speaks LDAP: what reads the accounts of a directory, and what locks them, go by it."""
