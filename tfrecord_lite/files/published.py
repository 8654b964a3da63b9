"""Errors that come when a set of shards is published already, or may be: who writes its records again has them twice.

with cleaning_up(prefix): ...    an OSError in there says that the set is there
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tfrecord_lite.errors import PublishedError, ShardError, UncertainCommitError, printable


@contextlib.contextmanager
def cleaning_up(prefix: str) -> Iterator[None]:
    """Around what is done when the set of a prefix is published already.

    Raises:
        PublishedError: in the place of an OSError, which would be taken for one that there is no set.
    """
    try:
        yield
    except OSError as error:
        raise published(prefix, error) from error


def published(prefix: str, cause: OSError) -> PublishedError:
    """The error that the set of a prefix is there, and something behind that failed."""
    error = PublishedError(
        "published; only what is behind that is left, for an error came there: commit again, or commit(None, prefix), "
        f"finishes it, and nothing is to be written again ({printable(str(cause))})"
    )
    error.path = prefix
    return error


def uncertain(prefix: str, cause: OSError, another: OSError | ShardError) -> UncertainCommitError:
    """The error that nobody knows: the manifest could not be written, for one cause, nor read back, for another."""
    error = UncertainCommitError(
        "perhaps published: its manifest could neither be written nor read back; commit again, or commit(None, "
        "prefix), before anything is written again: it finishes the set, or says that there is none "
        f"({printable(str(cause))}; {printable(str(another))})"
    )
    error.path = prefix
    return error
