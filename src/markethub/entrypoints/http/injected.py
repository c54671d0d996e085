"""How handlers ask for what the container provides."""

from typing import TypeAlias, TypeVar

from litestar.di import NamedDependency
from litestar.params import SkipValidation

T = TypeVar("T")

Injected: TypeAlias = NamedDependency[SkipValidation[T]]
"""A parameter filled by its name. Not validated: ports are protocols, which nothing is an
instance of at run time, and the container's providers are typed."""
