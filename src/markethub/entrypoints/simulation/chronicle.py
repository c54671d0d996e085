"""What is written down of a history while it is lived."""

import hashlib

from markethub.entrypoints.simulation.loop import VirtualLoop
from markethub.entrypoints.simulation.outcome import Violation


class Chronicle:
    """The lines of a history, and what should not have been."""

    def __init__(self, loop: VirtualLoop, *, traced: bool) -> None:
        """Begin with nothing. ``traced`` keeps the lines for people, each with its moment."""
        self.violations: list[Violation] = []
        self._loop = loop
        self._lines: list[str] = []
        self._trace: list[str] | None = [] if traced else None

    def note(self, text: str) -> None:
        """Write a line."""
        self._lines.append(text)
        if self._trace is not None:
            self._trace.append(f"{self._loop.time():10.3f}  {text}")

    def violate(self, invariant: str, what: str) -> None:
        """Write down what must never be."""
        self.note(f"VIOLATION {invariant}: {what}")
        self.violations.append(Violation(invariant, what, self._loop.time()))

    def unforeseen(self, where: str, error: BaseException) -> None:
        """Write down an exception that nobody foresaw, and where it comes from."""
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = "" if last is None else f" at {last.tb_frame.f_code.co_name}:{last.tb_lineno}"
        self.violate("unexpected", f"{where}: {type(error).__name__}: {error}{place}")

    @property
    def digest(self) -> str:
        """Return what tells two histories apart: a hash of all lines in their order."""
        return hashlib.blake2b("\n".join(self._lines).encode(), digest_size=12).hexdigest()

    @property
    def trace(self) -> tuple[str, ...]:
        """Return the lines for people; empty unless they were asked for."""
        return tuple(self._trace or ())
