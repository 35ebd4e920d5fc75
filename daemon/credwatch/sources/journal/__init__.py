"""The systemd journal: entries become lines, whether journalctl follows it or a file has them."""
