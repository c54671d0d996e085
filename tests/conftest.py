"""What every test may ask for."""

import os

import pytest
from hypothesis import settings

# Deadlines measure the machine, not the code: on a busy one they fail at random.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: the drivers we use know no other loop."""
    return "asyncio"
