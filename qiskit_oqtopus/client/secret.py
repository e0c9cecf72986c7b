"""A secret text that no repr, pickle or traceback with local variables shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_SHORTEST_HALF = 8


class Secret:
    """A token, or another text that must not be seen; iterating gives what must be struck out.

    Args:
        text: The text.

    >>> Secret("id.abcdefgh")
    <Secret>
    >>> list(Secret("id.abcdefgh"))
    ['id.abcdefgh', 'abcdefgh']
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret) -> None:
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """Return the text. Do not keep it in a variable: tracebacks may show those."""
        return self._text

    def __iter__(self) -> Iterator[str]:
        yield self._text
        # Tokens are <id>.<secret>; a server may repeat one half.
        half = self._text.rpartition(".")[2]
        if half != self._text and len(half) >= _SHORTEST_HALF:
            yield half

    def __repr__(self) -> str:
        return "<Secret>"

    def __reduce__(self) -> Any:
        raise TypeError("A secret is not pickled.")
