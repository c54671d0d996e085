"""Who of the staff is looking, and what they may do."""

from typing import Final

import attrs

from markethub.entrypoints.http.auth import Access, Caller
from markethub.entrypoints.setting_values import Role

ROLE: Final = "role"
"""The route option that names the least role. A route without it is closed to everybody."""
OPEN: Final = "open"
"""Its value for signing in."""
FILE: Final = "file"
"""Its value for what pages are drawn with: the same for everybody, and only to be read."""


@attrs.frozen(kw_only=True)
class Staff:
    """Somebody who is signed in."""

    caller: Caller
    token: str = attrs.field(repr=False)
    """What their browser holds: it opens the session."""

    @property
    def name(self) -> str:
        """The name of their key."""
        return self.caller.name

    @property
    def role(self) -> Role:
        """What the settings let their key do now."""
        assert self.caller.role is not None, "every operations key has one"
        return self.caller.role

    def may(self, role: Role | str) -> bool:
        """Tell whether they have this role, or one above it."""
        return Access(ops=Role(role)).allows(self.caller)
