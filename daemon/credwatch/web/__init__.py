"""HTTP endpoints: the gate on its Unix socket."""
