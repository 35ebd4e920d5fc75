"""Where shippers push lines by HTTP."""
