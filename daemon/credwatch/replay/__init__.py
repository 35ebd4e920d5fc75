"""Finished files through the whole path, without sending and without the real store."""
