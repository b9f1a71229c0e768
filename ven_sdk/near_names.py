"""Which known name a mistyped one stands for: the one place that makes "Did you mean ...?". Pure
functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import NoSuchAttributeError

CLOSE = 0.6


def nearest(word: object, known: Iterable[str], close: float = CLOSE) -> str:
    """The known name that is most like ``word``, whatever the case and the separators; ``""`` where
    none is like it, or it is no text. ``close`` is the likeness wanted, between 0 and 1.
    """
    if not isinstance(word, str):
        return ""
    from difflib import get_close_matches  # costs 2 ms, and only mistakes need it

    plain = {_simplify(name): name for name in reversed(list(known))}
    near = get_close_matches(_simplify(word), list(plain), 1, close)
    return plain[near[0]] if near else ""


def did_you_mean(word: object, known: Iterable[str], close: float = CLOSE) -> str:
    """`` Did you mean 'name'?`` with a blank before it, or ``""``: to be added to an error.
    ``close`` is the likeness wanted, between 0 and 1.
    """
    near = nearest(word, known, close)
    return f" Did you mean {near!r}?" if near else ""


def missing_attribute(owner: object, name: str, known: Iterable[str]) -> NoSuchAttributeError:
    """The error for an attribute that ``owner``, an object or a class, does not have."""
    cls = owner if isinstance(owner, type) else type(owner)
    hint = "" if name.startswith("_") else did_you_mean(name, known)
    return NoSuchAttributeError(f"{cls.__name__} has no attribute {name!r}.{hint}")


def missing_name(module: str, name: str, known: Iterable[str]) -> NoSuchAttributeError:
    """The error for a name that a module does not have."""
    hint = "" if name.startswith("_") else did_you_mean(name, known)
    return NoSuchAttributeError(f"module {module!r} has no attribute {name!r}.{hint}")


def public_names(cls: type) -> list[str]:
    """The attributes of a class that are for its users."""
    return [name for name in dir(cls) if not name.startswith("_")]


def _simplify(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
