"""A value that must not be printed by accident."""

import attrs


@attrs.frozen(repr=False, str=False)
class Secret:
    """Text that shows itself only when asked: ``repr`` and ``str`` are masked."""

    _value: str

    def reveal(self) -> str:
        """Return the text itself. Each call site is a place to audit."""
        return self._value

    def __repr__(self) -> str:
        """Mask the value, also inside the ``repr`` of whatever holds it."""
        return "Secret('***')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        """Tell whether there is any text, without showing it."""
        return bool(self._value)
