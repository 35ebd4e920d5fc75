"""The state of accounts: how each one's password is kept, what its factors are, and which rules it does not keep."""
