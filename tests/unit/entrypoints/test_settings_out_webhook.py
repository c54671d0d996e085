"""Where the storefront is told: what the environment may say of it."""

import pytest

from markethub.domain.secret import Secret
from markethub.entrypoints.settings import Settings
from tests.unit.entrypoints.test_settings import LIVE, refusals

URL, SECRETS = "MARKETHUB_OUT_WEBHOOK_URL", "MARKETHUB_OUT_WEBHOOK_SECRETS"
NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def test_without_an_address_nobody_is_told() -> None:
    assert Settings.from_environ({}).out_webhook is None


def test_an_address_and_its_secrets_are_read_newest_first() -> None:
    settings = Settings.from_environ({URL: "https://shop.example/hooks", SECRETS: f"{NEW}, {OLD}"})

    assert settings.out_webhook is not None
    assert ("shop.example", "/hooks") == (settings.out_webhook.host, settings.out_webhook.path)
    assert (Secret(NEW), Secret(OLD)) == settings.out_webhook_secrets


def test_an_address_needs_a_secret() -> None:
    assert {SECRETS} == set(refusals({URL: "https://shop.example/"}))


def test_secrets_may_be_there_before_the_address() -> None:
    assert (Secret(NEW),) == Settings.from_environ({SECRETS: NEW}).out_webhook_secrets


def test_this_machine_is_told_in_test_mode_only() -> None:
    local = {URL: "http://127.0.0.1:9000/hooks", SECRETS: NEW}

    assert Settings.from_environ(local).out_webhook is not None
    assert {URL} == set(refusals({**LIVE, **local}))


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://user:s3cret@shop.example/",
        "shop.example",
    ],
)
def test_a_forbidden_address_stops_the_start_and_is_not_shown(url: str) -> None:
    found = refusals({URL: url, SECRETS: NEW})

    assert {URL} == set(found)
    assert "shop" not in found[URL]
    assert "s3cret" not in found[URL]


@pytest.mark.parametrize(
    "secrets",
    [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_short",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_not base64 at all, not base64 at",
        "whsec_" + "A" * 92,
        f"{NEW},",
        f"{NEW},{NEW}",
        "sk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_a_weak_or_broken_secret_stops_the_start_and_is_not_shown(secrets: str) -> None:
    found = refusals({URL: "https://shop.example/", SECRETS: secrets})

    assert {SECRETS} == set(found)
    assert "MfKQ" not in found[SECRETS]
