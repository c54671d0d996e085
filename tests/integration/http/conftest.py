"""An application for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.app import Api, serving


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving() as api:
        yield api
