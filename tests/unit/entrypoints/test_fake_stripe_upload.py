"""Uploads as the fake Stripe's door reads them."""

from hashlib import sha256

import pytest

from markethub.entrypoints.fake_stripe import upload
from markethub.entrypoints.fake_stripe.form import FormError

TYPE = "multipart/form-data; boundary=b"
PURPOSE = b'Content-Disposition: form-data; name="purpose"\r\n\r\ndispute_evidence'


def body(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def file_part(content: bytes, name: bytes = b"a.pdf") -> bytes:
    head = b'Content-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
    return head + b"Content-Type: application/octet-stream\r\n\r\n" + content


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7",
        b"",
        b"\x00\xff\r\n\r\n--a\n\rb\n",
        bytes(range(256)) * 64,
        "é☕".encode(),
    ],
)
def test_a_file_is_told_by_name_size_and_digest(content: bytes) -> None:
    params = upload.decode(TYPE, body(PURPOSE, file_part(content)))

    described = {
        "filename": "a.pdf",
        "sha256": sha256(content).hexdigest(),
        "size": str(len(content)),
    }
    assert {"purpose": "dispute_evidence", "file": described} == params


@pytest.mark.parametrize(
    ("content_type", "raw"),
    [
        pytest.param("multipart/form-data", body(PURPOSE), id="no boundary"),
        pytest.param(TYPE, b"", id="no parts"),
        pytest.param(TYPE, body(PURPOSE, PURPOSE), id="a name twice"),
        pytest.param(TYPE, body(b"Content-Type: text/plain\r\n\r\nx"), id="no name"),
        pytest.param(TYPE, body(PURPOSE + b"\xff"), id="not UTF-8"),
    ],
)
def test_what_is_no_upload_is_refused(content_type: str, raw: bytes) -> None:
    with pytest.raises(FormError):
        upload.decode(content_type, raw)
