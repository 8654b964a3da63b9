"""A directory of files behind a URL: see directory.py. What begins with the URL, up to the next "/"."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tfrecord_lite.files.remote import RemoteSink, locate, os_errors, read_bytes, version, write_bytes
from tfrecord_lite.files.spooled import upload

#: Requests under way at a time: each takes some hundredths of a second, and a set has many shards.
_AT_ONCE = 16


class RemoteDirectory:
    """Object stores have no directories: one without files is none, and is there for whoever writes to it."""

    def __init__(self, url: str) -> None:
        self.path = url

    def join(self, name: str) -> str:
        return f"{self.path}{'' if self.path.endswith('/') else '/'}{name}"

    def sizes(self) -> dict[str, int]:
        with os_errors(self.path):
            fs, path = locate(self.path)
            try:
                found = fs.ls(path, detail=True)
            except FileNotFoundError:
                return {}
            return {facts["name"].rpartition("/")[2]: facts["size"] for facts in found if facts["type"] == "file"}

    def check_names(self, names: Iterable[str]) -> None:
        """Object stores have files of the names that others have as directories."""

    def read(self, name: str) -> bytes | None:
        try:
            return read_bytes(self.join(name))
        except FileNotFoundError:
            return None

    def version(self, name: str) -> object:
        return version(self.join(name))

    def write(self, name: str, data: bytes) -> None:
        write_bytes(self.join(name), data)

    def make_folders(self, names: Iterable[str]) -> None:
        """Folders in it, and it itself, "", where the server has such things."""
        with os_errors(self.path):
            for name in sorted(names):
                fs, path = locate(self.join(name) if name else self.path)
                if not fs.async_impl:  # those that are, are object stores, and some would make a bucket
                    fs.makedirs(path, exist_ok=True)

    def upload(self, files: Mapping[str, str]) -> None:
        """Send local files, {name, perhaps with folders: path}, each of which is there whole or not at all."""

        def send(fs: Any, path: str, name: str) -> None:
            upload(files[name], RemoteSink(self.join(name)))

        self._for_each(files, send)

    def rename(self, names: Mapping[str, str]) -> None:
        targets = {old: locate(self.join(new))[1] for old, new in names.items()}

        def copy(fs: Any, path: str, old: str) -> None:
            fs.cp_file(path, targets[old])  # which the server does

        self._for_each(names, copy)
        self.remove(names)

    def remove(self, names: Iterable[str]) -> None:
        def remove(fs: Any, path: str, name: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                fs.rm_file(path)

        self._for_each(names, remove)

    def locked(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def _for_each(self, names: Iterable[str], action: Callable[[Any, str, str], None]) -> None:
        """Do something with each of many files, several at a time where the backend can."""
        places = {name: locate(self.join(name)) for name in names}

        def act(name: str) -> None:
            with os_errors(self.join(name)):
                action(*places[name], name)

        if len(places) > 1 and all(fs.async_impl for fs, _ in places.values()):
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(act, places))
        else:
            for name in places:
                act(name)
