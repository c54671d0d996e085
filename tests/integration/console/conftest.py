"""A browser at the console for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.console import Desk, at_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with at_desk() as desk:
        yield desk
