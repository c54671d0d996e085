"""The command line.

Whoever asks for ``--help`` waits for nothing but click: every command is imported when it is
called, and imports its own world then.
"""

from markethub.entrypoints.cli.root import main

__all__ = ["main"]
