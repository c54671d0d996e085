"""What the documents point at is there."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from standardwebhooks import WebhookVerificationError

from markethub.adapters.outgoing.signing import Signer
from markethub.domain.delivery import Message
from markethub.domain.errors import ConfigurationError
from markethub.domain.secret import Secret
from markethub.entrypoints.settings import Settings

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())

    assert [] == [link for link in links if not (document.parent / link).exists()]


def test_every_module_that_the_architecture_names_is_there() -> None:
    table = (ROOT / "docs/architecture.md").read_text().partition("## Where a line lives")[2]
    missing = []
    for row in re.findall(r"^\|.*\|(.*)\|$", table, re.MULTILINE):
        folder = ROOT / "src" / "markethub"
        for name in re.findall(r"`([a-z_/.]+)`", row):
            path = ROOT / "src" / "markethub" / name
            if "/" not in name:
                path = folder / name  # beside the one named before it
            folder = path.parent
            if not path.exists():
                missing.append(name)

    assert [] == missing


def test_every_setting_that_readme_names_exists() -> None:
    named = set(re.findall(r"`(MARKETHUB_[A-Z_]+)`", (ROOT / "README.md").read_text()))
    assert named

    unknown = set()
    for name in named:
        try:
            Settings.from_environ({name: "?"})
        except ConfigurationError as error:
            if "There is no setting of this name" in str(error):
                unknown.add(name)

    assert set() == unknown


def test_the_receiver_in_the_readme_takes_a_message_once_and_refuses_a_forged_one() -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    shown: dict[str, Any] = {}
    exec(code, shown)  # noqa: S102 - our own example
    message = Message(id="msg_1_a", type="t", body='{"id": "msg_1_a"}', at=datetime.now(UTC))
    signer = Signer([Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
    headers, body = signer.headers(message), message.body.encode()

    assert [204, 204] == [shown["receive"](body, headers) for _ in range(2)]
    assert ["msg_1_a"] == list(shown["seen"])
    with pytest.raises(WebhookVerificationError):
        shown["receive"](body + b" ", headers)


def test_every_make_target_that_readme_names_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"run", "test"} <= named <= targets
