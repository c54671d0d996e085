"""Stripe's published fixtures: its own examples of its objects, in two API versions.

They are no part of the project: STRIPE_OPENAPI_DIR names the folder that has them.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

VERSIONS: Final = ("2023-08-16", "2026-07-29")


def fixture(kind: str, version: str, **changes: Any) -> dict[str, Any]:
    """Return Stripe's example of an object in a version, changed."""
    return {**_fixtures(version)[kind], **changes}


@cache
def _fixtures(version: str) -> Mapping[str, dict[str, Any]]:
    file = Path(os.environ["STRIPE_OPENAPI_DIR"]) / f"fixtures3-{version}.json"
    found: Mapping[str, dict[str, Any]] = json.loads(file.read_text())["resources"]
    return found
