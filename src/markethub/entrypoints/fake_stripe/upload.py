"""Uploads: the one request of Stripe's that is no plain form, but one with a file in it.

Source: RFC 7578 (``multipart/form-data``) and RFC 2046, section 5.1.
"""

from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from pathlib import PurePath
from typing import Final
from urllib.parse import urlencode

import attrs

from markethub.adapters.fake import files
from markethub.entrypoints.fake_stripe import form

PATH: Final = "/v1/files"
CONTENT_TYPE: Final = "multipart/form-data"
BODY_BYTES_MAXIMUM: Final = files.BYTES_MAXIMUM + 64 * 1024
"""The largest file, and the other fields with what separates them."""

_FILE: Final = "file"


@attrs.frozen(kw_only=True)
class _Part:
    """A field; ``filename`` is None unless it is a file."""

    name: str
    filename: str | None
    content: bytes = attrs.field(repr=False)


def decode(content_type: str, body: bytes) -> dict[str, form.Value]:
    """Read a multipart body: its fields as a form says them, its file as the account takes it.

    Raises FormError for a broken body, a file under another name, and no file where one belongs.
    """
    described: dict[str, form.Value] = {}
    fields: list[tuple[str, bytes]] = []
    for part in _parts(content_type, body):
        if part.filename is None:
            fields.append((part.name, part.content))
        elif part.name == _FILE:
            # Some clients send the whole path.
            described = {**files.uploaded(PurePath(part.filename).name, part.content)}
        else:
            raise form.FormError(f"Invalid parameters: `{part.name[:100]}` is not a file.")
    params = form.decode(urlencode(fields).encode())
    if _FILE in params:
        raise form.FormError("Invalid parameters: `file` must be a file.")
    return {**params, _FILE: described} if described else params


def _parts(content_type: str, body: bytes) -> Iterator[_Part]:
    boundary = _parameter(HeaderParser().parsestr(f"Content-Type: {content_type}"), "boundary")
    if not boundary:
        raise _broken()
    before, *segments = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if before or not segments or not segments.pop().startswith(b"--"):
        raise _broken()
    if len(segments) > form.FIELDS_MAXIMUM:
        raise form.FormError(f"Too many parameters: at most {form.FIELDS_MAXIMUM} are accepted.")
    for segment in segments:
        head, separator, content = segment.partition(b"\r\n\r\n")
        try:
            headers = HeaderParser().parsestr(head.decode().strip())
        except UnicodeDecodeError:
            raise _broken() from None
        name = _parameter(headers, "name", header="content-disposition")
        if not separator or not name:
            raise _broken()
        filename = _parameter(headers, "filename", header="content-disposition")
        yield _Part(name=name, filename=filename, content=content)


def _parameter(headers: Message, name: str, *, header: str = "content-type") -> str | None:
    value = headers.get_param(name, header=header)
    return None if value is None else collapse_rfc2231_value(value)


def _broken() -> form.FormError:
    return form.FormError("Invalid parameters: the multipart body is broken.")
