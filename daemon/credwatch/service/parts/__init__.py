"""What lives as long as the daemon: each part starts, says whether it lives, and can be started again."""
