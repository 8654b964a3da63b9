"""Names of files that come from data: none leads out of its folder, is hidden, or is given twice."""

from __future__ import annotations

import hashlib
import itertools
import os
import unicodedata

from tfrecord_lite.adapters.image_folder import LABELS_CSV, has_image_extension

#: Bytes of a name in most file systems, less what is put behind one to tell it from another.
_NAME_LIMIT = 240


def harmless(part: str) -> str:
    """One folder or file of a name that comes from data; it is not hidden, and does not lead elsewhere.

    What leads elsewhere becomes "_", and so do control characters: `ls` into a terminal may act on it.
    """
    part = "".join("_" if _is_harmful(character) else character for character in part)
    if len(os.fsencode(part)) > _NAME_LIMIT:
        return hashlib.blake2b(os.fsencode(part), digest_size=16).hexdigest()
    return f"_{part[1:]}" if part.startswith(".") or not part else part


def _is_harmful(character: str) -> bool:
    return character in "/\\:" or unicodedata.category(character) == "Cc"


class FreeNames:
    """Names that are given away, each once, also where a file system takes "A" and "a" for the same."""

    def __init__(self) -> None:
        self._files = {LABELS_CSV}
        self._folders: set[str] = set()
        self._numbers: dict[str, int] = {}  # of names that were asked for, the number to try next

    def free(self, name: str, extensions: tuple[str, ...]) -> str:
        """This name or one like it, with one of the extensions."""
        if any(parent in self._files for parent in _folders_of(name)):
            name = name.replace("/", "_")
        stem, extension = os.path.splitext(name)
        if extension.lower() not in extensions:
            stem, extension = (stem if has_image_extension(name) else name), extensions[0]
        wanted = (stem + extension).casefold()
        for number in itertools.count(self._numbers.get(wanted, 1)):
            free = f"{stem}-{number}{extension}" if number > 1 else stem + extension
            if free.casefold() not in self._files and free.casefold() not in self._folders:
                break
        self._numbers[wanted] = number + 1
        self._files.add(free.casefold())
        self._folders.update(_folders_of(free))
        return free


def _folders_of(name: str) -> list[str]:
    """All folders that a file is in, as they are compared."""
    parts = name.casefold().split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
