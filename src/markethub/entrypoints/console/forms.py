"""What a form of the console says, read strictly."""

from typing import Any, Final

import attrs
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType

from markethub.entrypoints.console.staff import Staff
from markethub.entrypoints.http.errors import HttpProblem, invalid
from markethub.entrypoints.http.json_body import check_text, read_body

KEY: Final = "key"
"""The hidden field that is the same however often one rendered form is sent."""
TEXT_CHARACTERS_MAXIMUM: Final = 20_000
"""The longest that a provider takes of a text of ours."""
_KEY_CHARACTERS: Final = range(16, 65)


@attrs.frozen
class Form:
    """The fields of a form that was sent. Files are among them, unread."""

    _fields: dict[str, list[Any]]

    @classmethod
    async def read(cls, request: Request[Any, Any, Any]) -> "Form":
        """Read the body. Raises HttpProblem for another kind of body, and unfit text."""
        kinds = (RequestEncodingType.URL_ENCODED, RequestEncodingType.MULTI_PART)
        if request.content_type[0] not in kinds:
            raise HttpProblem(415, "unsupported_media_type", "A form is expected here.")
        await read_body(request)  # within our limits of size and time
        sent = await request.form()
        fields = {name: sent.getall(name, []) for name in sent}
        for name, values in fields.items():
            check_text(name, field="")
            for value in values:
                if isinstance(value, str):
                    if len(value) > TEXT_CHARACTERS_MAXIMUM:
                        raise invalid(name, "is too long")
                    check_text(value, field=name)
        return cls(fields)

    async def close(self) -> None:
        """Let go of the files that were sent."""
        for value in (each for values in self._fields.values() for each in values):
            if isinstance(value, UploadFile):
                await value.close()

    def text(self, name: str) -> str:
        """Return a field's one text without space around it; empty if it was not sent.

        Raises HttpProblem for one that was sent twice, or as a file.
        """
        values = self._fields.get(name, [])
        if len(values) > 1 or any(not isinstance(value, str) for value in values):
            raise invalid(name, "must be one text")
        return values[0].strip() if values else ""

    def texts(self, name: str) -> list[str]:
        """Return all texts of a field: boxes that were ticked."""
        return [value for value in self._fields.get(name, []) if isinstance(value, str)]

    def needed(self, name: str) -> str:
        """Return a text that must be there. Raises HttpProblem for none."""
        text = self.text(name)
        if not text:
            raise invalid(name, "is required")
        return text

    def file(self, name: str) -> UploadFile:
        """Return a field's one file. Raises HttpProblem for none, or several."""
        match self._fields.get(name, []):
            case [UploadFile() as file]:
                return file
            case _:
                raise invalid(name, "must be one file")


def origin_of(request: Request[Any, Any, Any], staff: Staff, form: Form) -> str:
    """Name the action that a form asks for: sent twice, it is the same one.

    Raises HttpProblem for a form without its key, which no page of ours rendered.
    """
    key = form.needed(KEY)
    if len(key) not in _KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise invalid(KEY, "is not one of ours")
    return f"{staff.caller.scope}|{request.method} {request.url.path}|{key}"
