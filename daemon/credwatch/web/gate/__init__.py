"""The endpoints of the gate."""
