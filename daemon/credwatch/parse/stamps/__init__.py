"""Time stamps as moments."""
