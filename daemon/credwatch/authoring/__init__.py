"""What authors of rules work with: choose, check, test, match, compare and explain, all with the daemon's engine."""
