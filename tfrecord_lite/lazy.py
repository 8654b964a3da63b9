"""Names that are loaded when they are first used, so that importing the package costs nothing that is not needed."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # typing takes longer to import than all that is here
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def lazy_names(
    module: str, sources: Mapping[str, str], missing: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a module whose public names live elsewhere.

    Args:
        module: the module's `__name__`.
        sources: {name: module that has it}; a name that is a module itself maps to "".
        missing: what to add to the error about a name that is not there.
    """

    def get(name: str) -> Any:
        if name not in sources:
            raise AttributeError(f"module {module!r} has no {name!r}{missing}", name=name, obj=sys.modules[module])
        source = sources[name]
        found = getattr(import_module(source), name) if source else import_module(f"{module}.{name}")
        setattr(sys.modules[module], name, found)
        return found

    return get, lambda: sorted(sources)
