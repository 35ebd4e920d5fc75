"""Starts the command line: `credwatch`, or `python -m credwatch`."""

from __future__ import annotations

import gc

from credwatch.service.memory import tune_allocators


def main() -> None:
    """Run the command line; it is imported once memory is tuned, for it makes much that stays."""
    tune_allocators()
    from credwatch.cli.main import app

    try:
        app()
    finally:
        gc.freeze()  # what is left goes with the process: nobody need look for cycles in it


if __name__ == "__main__":
    main()
