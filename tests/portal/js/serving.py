"""Serves the checker's modules and the harness page to a browser on loopback."""

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

HARNESS: Final = Path(__file__).parent
MODULES: Final = Path(__file__).parents[3] / "portal" / "static" / "js" / "cec"
_FOLDERS: Final = {"cec": MODULES, "tests": HARNESS}


class _Handler(BaseHTTPRequestHandler):
    """Gives the files of two folders, nothing else."""

    def do_GET(self) -> None:
        folder, _, name = self.path.lstrip("/").partition("/")
        file = _FOLDERS.get(folder, HARNESS) / name
        if folder not in _FOLDERS or "/" in name or not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", mimetypes.guess_type(name)[0] or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def serve_checker() -> Iterator[int]:
    """Serve until the end of the block; yields the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, name="checker")
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
