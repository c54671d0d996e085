"""One uploaded file with a field beside it, read strictly."""

from typing import Any

from litestar import Request
from litestar.datastructures import UploadFile

from markethub.entrypoints.http.errors import HttpProblem, invalid
from markethub.entrypoints.http.json_body import check_text, read_body

_PARTS = frozenset({"field", "file"})


async def file_body(request: Request[Any, Any, Any]) -> tuple[str, bytes]:
    """Return what the parts ``field`` (a text) and ``file`` of a multipart body say.

    Raises HttpProblem with 415 for another kind of body, and 400 ``validation_failed`` for
    other parts than these two, each once.
    """
    content_type, _ = request.content_type
    if content_type != "multipart/form-data":
        raise HttpProblem(
            415, "unsupported_media_type", "The file must come as multipart/form-data."
        )
    await read_body(request)  # within our limits of size and time
    form = await request.form()
    try:
        for name in form:
            if name not in _PARTS:
                raise invalid(name if name.isprintable() else "", "is unknown")
        field, file = (_only(form.getall(name, []), name) for name in ("field", "file"))
        if not isinstance(field, str):
            raise invalid("field", "must be a text")
        if not isinstance(file, UploadFile):
            raise invalid("file", "must be a file")
        check_text(field, field="field")
        return field, await file.read()
    finally:
        await form.close()


def _only(values: list[Any], name: str) -> str | UploadFile:
    if len(values) != 1:
        raise invalid(name, "is required, once")
    value: str | UploadFile = values[0]
    return value
