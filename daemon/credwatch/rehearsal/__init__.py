"""Rehearsals: a breach that is made up, played through the installation as it is configured."""
