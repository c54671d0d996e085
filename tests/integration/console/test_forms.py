"""What a form of the console may hold, and how it is read."""

import pytest
from litestar.datastructures import UploadFile

from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.setting_values import Role
from tests.support.console import OWN, Desk, hidden, said

pytestmark = pytest.mark.anyio

REPLAY = "/ops/events/replay"


@pytest.mark.parametrize("status", [404, 400, 403], ids=["taken", "refused", "forged"])
async def test_files_that_come_with_a_form_are_let_go_of_whatever_comes_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    files: list[UploadFile] = []
    monkeypatch.setattr(UploadFile, "__init__", _noting(files))
    await desk.sign_in(Role.SUPPORT)
    token = hidden(await desk.get("/ops/customers"), "csrf")
    fields = {
        404: {"csrf": token, "id": "evt_none"},
        400: {"csrf": token},
        403: {"csrf": "forged"},
    }[status]

    answer = await desk.client.post(
        REPLAY, data=fields, files={"file": ("a.txt", b"x" * 100)}, headers=OWN
    )

    assert status == answer.status_code
    assert [True] == [file.file.closed for file in files]


@pytest.mark.parametrize(
    "body",
    [b"csrf={}&id=a%00b", b"csrf={}&id=4242424242424242", b"csrf={}&csrf=x"],
    ids=["a NUL", "a card number", "two tokens"],
)
async def test_unfit_text_is_refused(desk: Desk, body: bytes) -> None:
    await desk.sign_in(Role.SUPPORT)
    token = hidden(await desk.get("/ops/customers"), "csrf")

    answer = await desk.client.post(
        REPLAY,
        content=body.replace(b"{}", token.encode()),
        headers={**OWN, "Content-Type": "application/x-www-form-urlencoded"},
    )

    assert 400 == answer.status_code
    assert "4242424242424242" not in said(answer)


async def test_a_form_that_is_larger_than_a_form_is_refused(desk: Desk) -> None:
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send(REPLAY, {"id": "x" * 70_000})

    assert 413 == answer.status_code


def test_a_text_is_read_without_space_around_it() -> None:
    form = Form({"why": [" lost card\n"]})

    assert ("lost card", "") == (form.text("why"), form.text("amount"))


def test_a_text_that_was_sent_twice_is_refused() -> None:
    with pytest.raises(HttpProblem, match="why: must be one text"):
        Form({"why": ["a", "b"]}).text("why")


def test_a_text_that_must_be_there_is_missed() -> None:
    with pytest.raises(HttpProblem, match="amount: is required"):
        Form({"amount": ["  "]}).needed("amount")


def test_ticked_boxes_are_read_together() -> None:
    assert ["a", "b"] == Form({"id": ["a", "b"]}).texts("id")


async def test_a_file_is_read_as_one_file() -> None:
    file = UploadFile(content_type="text/plain", filename="a.txt")

    assert file is Form({"file": [file]}).file("file")
    for other in ([], ["text"], [file, file]):
        with pytest.raises(HttpProblem, match="file: must be one file"):
            Form({"file": other}).file("file")
    await file.close()


def _noting(files: list[UploadFile]) -> object:
    """Return a constructor of files that notes what it made."""
    make = UploadFile.__init__

    def noting(self: UploadFile, *given: object, **named: object) -> None:
        make(self, *given, **named)  # type: ignore[arg-type]  # as they were given
        files.append(self)

    return noting
