"""Sources that ask a service for what is new: what REST and SQL have in common."""
