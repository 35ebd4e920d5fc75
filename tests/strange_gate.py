"""What listens in a gate's place and is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stranger(path: Path, speak: Callable[[socket.socket], None]) -> Iterator[None]:
    """Take one connection in the gate's place, read the question, and do as told."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                speak(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(60)
