"""The matrix: old and new versions of what everything rests on. `make matrix`, or `nox -s lowest` for one of them.

Each row is an environment of its own, made from packages of the registry and this checkout, without TensorFlow (that
under other Pythons is `make test-others`): it runs what can be run there, which is the codec against protobuf, files,
shards and commands.

    session     Python   numpy      protobuf        and
    lowest      3.10     1.23.2     4.25.8          the lowest version of every dependency
    numpy1      3.12     1.26       5               -O: assertions of the library are not executed
    pure        3.11     2.0        6               protobuf's classes in pure Python
    highest     3.13     newest     newest          -bb: bytes and str are never compared
    threads     3.13t    2.3        newest          without the lock that lets one thread run at a time

A Python that is not on this machine is skipped.
"""

import os
from glob import glob

import nox

nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"
nox.options.envdir = ".venv-nox"

#: Pythons that are installed side by side under the home directory are found, too.
os.environ["PATH"] = os.pathsep.join(
    [*sorted(glob(os.path.expanduser("~/.pyenv/versions/3.*/bin"))), os.environ["PATH"]]
)

#: Newer versions of hypothesis are compiled, and not for all of these Pythons.
_TOOLS = ["pytest>=8", "pytest-xdist", "hypothesis>=6.100,<6.140"]


@nox.session(python="3.10")
def lowest(session: nox.Session) -> None:
    """The lowest versions that setup.cfg allows."""
    _run(session, ["numpy==1.23.2", "protobuf==4.25.8", "crc32c==2.3", "pillow==10.3.0", "pyarrow==14.0.1"])


@nox.session(python="3.12")
def numpy1(session: nox.Session) -> None:
    """The last numpy 1 and protobuf 5, optimised."""
    _run(session, ["numpy==1.26.*", "protobuf==5.*", "pyarrow==15.*"], flags=["-O"])


@nox.session(python="3.11")
def pure(session: nox.Session) -> None:
    """The first numpy 2 and protobuf 6, whose messages are Python's."""
    _run(
        session,
        ["numpy==2.0.*", "protobuf==6.*", "pyarrow"],
        environment={"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
    )


@nox.session(python="3.13")
def highest(session: nox.Session) -> None:
    """The newest of everything."""
    _run(session, ["pyarrow", "pandas", "polars", "fsspec", "shtab"], flags=["-bb"])


@nox.session(python="3.13t")
def threads(session: nox.Session) -> None:
    """Free-threaded Python, for which there are wheels of these."""
    _run(session, ["numpy==2.3.*"], flags=["-X", "gil=0"])


def _run(
    session: nox.Session, packages: list[str], flags: list[str] | None = None, environment: dict[str, str] | None = None
) -> None:
    session.install(".", *_TOOLS, *packages)
    # pytest-xdist does not hand flags of the interpreter on by itself.
    workers = " ".join([f"2*popen//python={session.virtualenv.bin}/python", *(flags or [])])
    asserts = "ignore:assertions not in test modules:pytest.PytestConfigWarning"  # of -O; tests' own are executed
    tests = ["-m", "pytest", "-q", "-W", asserts, "--dist", "load", "--tx", workers, "-m", "not slow"]
    session.run("python", *(flags or []), *tests, *session.posargs, env=environment)
