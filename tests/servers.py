"""Servers on loopback for the tests of URLs: one of files over HTTP, and moto's S3."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class FileServer(ThreadingHTTPServer):
    """Gives `files`, {path: bytes}, and remembers what it was asked for.

    Attributes:
        requests: (method, first byte, last byte) of each request; None, None for a whole file.
        honours_range: whether ranges are given, or always whole files.
        tells_size: whether an answer says how long it is.
        dies_after: after so many bytes of files in all, answers end too early and further ones are errors.
        failure: their status.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, int | None, int | None]] = []
        self.honours_range = True
        self.tells_size = True
        self.dies_after: int | None = None
        self.failure = 503
        self.given = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges(self) -> list[tuple[int, int]]:
        """What was asked for, half-open."""
        return [(first, last + 1) for method, first, last in self.requests if first is not None and last is not None]


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *arguments: Any) -> None: ...

    def _answer(self) -> None:
        server = self.server
        data = server.files.get(self.path)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(match[1]), int(match[2])) if match else (None, None)
        server.requests.append((self.command, first, last))
        if data is None or (server.dies_after is not None and server.given >= server.dies_after):
            self.send_error(404 if data is None else server.failure)
            return
        total = len(data)
        if first is not None and last is not None and server.honours_range:
            data = data[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{first + len(data) - 1}/{total}")
        else:
            self.send_response(200)
        if server.tells_size:
            self.send_header("Content-Length", str(len(data)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if server.dies_after is not None and server.given + len(data) > server.dies_after:
            data = data[: server.dies_after - server.given]
            self.close_connection = True
        server.given += len(data)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(data)


@contextlib.contextmanager
def file_server() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """moto's S3 in a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"MOTO_S3_CUSTOM_ENDPOINTS": ""},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/moto-api/"):
                break
            assert process.poll() is None, "moto's server has ended"
            time.sleep(0.1)
        else:
            raise AssertionError("moto's server does not answer")
        yield address
    finally:
        process.kill()
        process.wait()
