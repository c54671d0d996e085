"""Evidence: Stripe's fields and limits, checked before anything is uploaded."""

import pytest

from markethub.domain.errors import ValidationFailed
from markethub.domain.evidence import (
    FILE_BYTES_MAXIMUM,
    FILE_FIELDS,
    TEXT_CHARACTERS_MAXIMUM,
    TEXT_FIELDS,
    Evidence,
    EvidenceFile,
)
from markethub.domain.ids import ProviderFileId


def test_a_field_holds_a_text_or_a_file() -> None:
    assert set() == TEXT_FIELDS & FILE_FIELDS


def test_blank_texts_are_left_out() -> None:
    draft = Evidence().with_texts({"customer_name": " ", "customer_email_address": "a@b"})

    assert {"customer_email_address": "a@b"} == draft.fields


def test_blank_texts_leave_nothing_to_submit() -> None:
    assert Evidence().with_texts({"customer_name": "\n"}).is_empty


@pytest.mark.parametrize("field", ["selfie", "receipt"])
def test_what_is_no_text_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        Evidence().with_texts({field: "x"})

    assert field == refused.value.field


def test_all_texts_together_have_stripes_limit() -> None:
    half = "x" * (TEXT_CHARACTERS_MAXIMUM // 2)
    Evidence().with_texts({"uncategorized_text": half, "service_date": half})

    with pytest.raises(ValidationFailed):
        Evidence().with_texts({"uncategorized_text": half + "x", "service_date": half})


def test_a_file_takes_the_place_of_the_one_before() -> None:
    first = Evidence().with_file("receipt", ProviderFileId("file_1"))

    second = first.with_file("receipt", ProviderFileId("file_2"))

    assert {"receipt": "file_2"} == second.files


@pytest.mark.parametrize(
    ("content", "content_type", "name"),
    [
        (b"%PDF-1.4", "application/pdf", "evidence.pdf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "evidence.jpg"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "evidence.png"),
        (b"%PDF-".ljust(FILE_BYTES_MAXIMUM), "application/pdf", "evidence.pdf"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(content: bytes, content_type: str, name: str) -> None:
    file = EvidenceFile.of(content)

    assert (content_type, name) == (file.content_type, file.name)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"%PDF-".ljust(FILE_BYTES_MAXIMUM + 1)])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ValidationFailed):
        EvidenceFile.of(content)
