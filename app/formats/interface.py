"""The shape that every streamed export has.

A format opens a file, writes one item after another, and closes the file; it holds no more than
one item, so that memory does not grow with the count::

    yield format.opening()
    for item in items:
        yield format.item(item)
    yield format.closing()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T_contra = TypeVar("T_contra", contravariant=True)
T = TypeVar("T")


class StreamFormat(Protocol[T_contra]):
    """A file of many items of one kind."""

    media_type: str
    """The Content-Type of the file."""

    suffix: str
    """The file name's ending, with the dot."""

    def opening(self) -> bytes:
        """What stands before the first item."""
        ...

    def item(self, value: T_contra) -> bytes:
        """One item."""
        ...

    def closing(self) -> bytes:
        """What stands behind the last item."""
        ...


def stream(form: StreamFormat[T], items: Iterable[T]) -> Iterator[bytes]:
    """A whole file, piece by piece."""
    yield form.opening()
    for value in items:
        yield form.item(value)
    yield form.closing()
