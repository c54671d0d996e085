"""What pages are drawn with, and addresses that nothing is at."""

from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath

from markethub.entrypoints.console.pages import MEDIA_TYPES, static_file
from markethub.entrypoints.console.staff import FILE, ROLE
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.setting_values import Role

_FILES: Final = {name: static_file(name) for name in MEDIA_TYPES}


@get("/static/{name:str}", opt={ROLE: FILE}, sync_to_thread=False)
def serve_static(name: FromPath[str]) -> Response[bytes]:
    """Serve a file of ours. Its address changes with what is in it, so it may be kept."""
    if name not in _FILES:
        raise _nothing()
    return Response(
        _FILES[name],
        media_type=MEDIA_TYPES[name],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@get("/{rest:path}", opt={ROLE: Role.VIEWER}, sync_to_thread=False)
def nothing_here(rest: FromPath[Any]) -> None:  # noqa: ARG001 - whatever it is
    """Answer for every other address under the console's."""
    raise _nothing()


def _nothing() -> HttpProblem:
    return HttpProblem(404, "not_found", "Nothing is at this address.")


HANDLERS: Final = (serve_static, nothing_here)
