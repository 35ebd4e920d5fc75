"""Channels that carry measures out: to applications, to a firewall, to programs of the operator."""
