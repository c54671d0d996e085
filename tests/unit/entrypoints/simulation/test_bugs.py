"""Planted mistakes: none is in production, and none of them is without effect."""

import pytest

from markethub.entrypoints.container import build_container
from markethub.entrypoints.simulation.bugs import BUGS
from tests.support.app import SETTINGS
from tests.support.world import World
from tests.unit.entrypoints.simulation.mistakes import STORIES, seen

pytestmark = pytest.mark.anyio


def test_there_is_a_story_for_every_planted_mistake() -> None:
    assert sorted(STORIES) == sorted(BUGS)


@pytest.mark.parametrize("name", STORIES)
async def test_production_does_right(name: str) -> None:
    world = World(build_container(SETTINGS))

    assert await seen(world, STORIES[name]) == STORIES[name].right


@pytest.mark.parametrize("name", STORIES)
async def test_a_planted_mistake_does_wrong(name: str) -> None:
    world = World(build_container(SETTINGS))
    BUGS[name].plant(world.container)

    assert await seen(world, STORIES[name]) != STORIES[name].right
