"""What the staff does at the console, for the audit log."""

from markethub.domain.audit import Act, Channel
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.staff import Staff

UNKNOWN = "(unknown)"
"""Who was refused at the door: no key can have this name."""
REASON = "reason"
"""The form's field for why something is done."""


def act_of(staff: Staff, form: Form | None = None) -> Act:
    """Return who does it, from where, and why. Raises ValidationFailed for a reason of pages."""
    reason = form.text(REASON) if form is not None else ""
    return Act(actor=staff.name, channel=Channel.CONSOLE, reason=reason or None)


def act_of_nobody() -> Act:
    """Return the act of somebody who was not let in."""
    return Act(actor=UNKNOWN, channel=Channel.CONSOLE)
