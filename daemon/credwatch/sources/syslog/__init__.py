"""Syslog over the network: UDP, TCP and TLS."""
