"""Reads files that appear whole in a folder, such as the objects of a bucket that is mounted or synchronised."""
