"""What a process accepts from its environment, and what stops its start."""

from pathlib import Path

import pytest

from markethub.domain.errors import ConfigurationError
from markethub.domain.money import Money
from markethub.domain.secret import Secret
from markethub.entrypoints.setting_values import Database, OpsKey, Role, StorefrontKey
from markethub.entrypoints.settings import Settings

STRIPE = {
    "STRIPE_SECRET_KEY_TEST": "sk_test_51Abc",
    "STRIPE_PUBLISHABLE_KEY_TEST": "pk_test_51Abc",
    "STRIPE_WEBHOOK_SECRET_TEST": "whsec_abc",
    "MARKETHUB_ENCRYPTION_KEYS": "k" * 32,
}
LIVE = {
    "PAYMENT_ENV": "live",
    "STRIPE_SECRET_KEY_LIVE": "sk_live_51Abc",
    "STRIPE_PUBLISHABLE_KEY_LIVE": "pk_live_51Abc",
    "STRIPE_WEBHOOK_SECRET_LIVE": "whsec_abc",
    "MARKETHUB_ENCRYPTION_KEYS": "k" * 32,
}
OWN_SECRETS = {
    "STRIPE_WEBHOOK_SECRET_TEST": "whsec_own",
    "MARKETHUB_STOREFRONT_KEYS": "shop:own-storefront",
    "MARKETHUB_OPS_KEYS": "ann:own-ops",
    "MARKETHUB_CUSTOMER_TOKEN_SECRET": "t" * 32,
    "MARKETHUB_ENCRYPTION_KEYS": "e" * 32,
}


def refusals(environ: dict[str, str], dotenv: Path | None = None) -> dict[str, str]:
    """The variables that the refusal names, each with its reason."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environ(environ, dotenv)
    lines = str(caught.value).splitlines()
    return {name: reason for name, _, reason in (line.partition(": ") for line in lines)}


def test_an_empty_environment_gives_the_embedded_fake() -> None:
    settings = Settings.from_environ({})

    assert Settings() == settings


def test_the_fake_has_its_development_keys() -> None:
    settings = Settings.from_environ({})

    assert (
        Secret("sk_test_dev"),
        "pk_test_dev",
        (Secret("whsec_dev"),),
        (StorefrontKey(name="dev", secret=Secret("storefront-dev")),),
        (OpsKey(name="dev", role=Role.ADMIN, secret=Secret("ops-dev")),),
        Secret("customer-dev--------------------"),
    ) == (
        settings.stripe_secret_key,
        settings.stripe_publishable_key,
        settings.stripe_webhook_secrets,
        settings.storefront_keys,
        settings.ops_keys,
        settings.customer_token_secret,
    )


def test_the_secret_key_of_the_environment_chooses_stripe() -> None:
    assert "stripe" == Settings.from_environ(STRIPE).gateway


def test_live_takes_the_live_keys() -> None:
    settings = Settings.from_environ(STRIPE | LIVE)

    assert ("live", "stripe", Secret("sk_live_51Abc"), "pk_live_51Abc") == (
        settings.mode,
        settings.gateway,
        settings.stripe_secret_key,
        settings.stripe_publishable_key,
    )


def test_with_stripe_nobody_has_access_unless_told() -> None:
    settings = Settings.from_environ(STRIPE)

    assert ((), (), None) == (
        settings.storefront_keys,
        settings.ops_keys,
        settings.customer_token_secret,
    )


@pytest.mark.parametrize(
    "name", ["STRIPE_PUBLISHABLE_KEY_TEST", "STRIPE_WEBHOOK_SECRET_TEST", "STRIPE_API_KEY"]
)
def test_some_stripe_variable_without_the_secret_key_is_refused(name: str) -> None:
    value = STRIPE.get(name, "sk_test_51Abc")

    assert ["STRIPE_SECRET_KEY_TEST"] == list(refusals({name: value}))


def test_test_keys_alone_do_not_serve_live() -> None:
    assert ["STRIPE_SECRET_KEY_LIVE"] == list(refusals(STRIPE | {"PAYMENT_ENV": "live"}))[:1]


def test_the_fake_may_be_chosen_while_stripe_keys_are_set() -> None:
    settings = Settings.from_environ(STRIPE | {"MARKETHUB_GATEWAY": "fake"})

    assert ("fake", Secret("sk_test_dev"), "pk_test_dev", (Secret("whsec_abc"),)) == (
        settings.gateway,
        settings.stripe_secret_key,
        settings.stripe_publishable_key,
        settings.stripe_webhook_secrets,
    )


def test_the_path_of_the_test_specification_is_no_account() -> None:
    assert "fake" == Settings.from_environ({"STRIPE_OPENAPI_DIR": "/somewhere"}).gateway


@pytest.mark.parametrize("environ", [{"PAYMENT_ENV": "live"}, LIVE | {"MARKETHUB_GATEWAY": "fake"}])
def test_the_fake_is_refused_when_live(environ: dict[str, str]) -> None:
    assert ["MARKETHUB_GATEWAY"] == list(refusals(environ))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY_TEST", "sk_live_51Abc"),
        ("STRIPE_SECRET_KEY_TEST", "rk_live_51Abc"),
        ("STRIPE_PUBLISHABLE_KEY_TEST", "pk_live_51Abc"),
        ("STRIPE_SECRET_KEY_LIVE", "sk_test_51Abc"),
        ("STRIPE_SECRET_KEY_LIVE", "rk_test_51Abc"),
        ("STRIPE_PUBLISHABLE_KEY_LIVE", "pk_test_51Abc"),
        ("STRIPE_SECRET_KEY_TEST", "pk_test_51Abc"),
        ("STRIPE_PUBLISHABLE_KEY_TEST", "sk_test_51Abc"),
        ("STRIPE_WEBHOOK_SECRET_TEST", "sk_test_51Abc"),
        ("STRIPE_WEBHOOK_SECRET_TEST", "whsec_abc,"),
    ],
)
def test_a_key_of_the_wrong_kind_or_mode_is_refused(name: str, value: str) -> None:
    assert [name] == list(refusals(STRIPE | {name: value}))


def test_a_restricted_key_is_a_secret_key() -> None:
    settings = Settings.from_environ(STRIPE | {"STRIPE_SECRET_KEY_TEST": "rk_test_51Abc"})

    assert Secret("rk_test_51Abc") == settings.stripe_secret_key


@pytest.mark.parametrize("name", [name for name in STRIPE if name != "STRIPE_SECRET_KEY_TEST"])
def test_stripe_needs_its_companions(name: str) -> None:
    environ = {key: value for key, value in STRIPE.items() if key != name}

    assert {name: "Is required with the stripe gateway."} == refusals(environ)


def test_choosing_stripe_without_any_key_names_all_that_is_missing() -> None:
    assert set(STRIPE) == set(refusals({"MARKETHUB_GATEWAY": "stripe"}))


def test_several_webhook_secrets_are_valid_during_a_rotation() -> None:
    settings = Settings.from_environ(STRIPE | {"STRIPE_WEBHOOK_SECRET_TEST": "whsec_a, whsec_b"})

    assert (Secret("whsec_a"), Secret("whsec_b")) == settings.stripe_webhook_secrets


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_development_secrets_are_good_enough_on_loopback(host: str) -> None:
    assert host == Settings.from_environ({"MARKETHUB_HOST": host}).host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example"])  # noqa: S104 - refused here
def test_development_secrets_are_refused_elsewhere(host: str) -> None:
    assert set(OWN_SECRETS) == set(refusals({"MARKETHUB_HOST": host}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_WEBHOOK_SECRET_TEST", "whsec_own,whsec_dev"),
        ("MARKETHUB_STOREFRONT_KEYS", "own:own,shop:storefront-dev"),
        ("MARKETHUB_OPS_KEYS", "ann/viewer:ops-dev"),
        ("MARKETHUB_CUSTOMER_TOKEN_SECRET", "customer-dev"),
        ("MARKETHUB_ENCRYPTION_KEYS", f"{'e' * 32},encryption-dev------------------"),
    ],
)
def test_each_development_secret_is_refused_with_stripe_too(name: str, value: str) -> None:
    environ = STRIPE | OWN_SECRETS | {"MARKETHUB_HOST": "192.0.2.1", name: value}

    assert [name] == list(refusals(environ))


def test_own_secrets_are_accepted_anywhere() -> None:
    environ = OWN_SECRETS | {"MARKETHUB_HOST": "192.0.2.1", "MARKETHUB_GATEWAY": "fake"}

    assert "192.0.2.1" == Settings.from_environ(environ).host


def test_development_secrets_can_be_allowed_explicitly() -> None:
    environ = {"MARKETHUB_HOST": "192.0.2.1", "MARKETHUB_ALLOW_DEV_SECRETS": "true"}

    assert Settings.from_environ(environ).allow_dev_secrets


def test_an_ops_key_without_a_role_is_a_viewers() -> None:
    settings = Settings.from_environ({"MARKETHUB_OPS_KEYS": "ann:a:b, bob/refunder:c"})

    assert (
        OpsKey(name="ann", role=Role.VIEWER, secret=Secret("a:b")),
        OpsKey(name="bob", role=Role.REFUNDER, secret=Secret("c")),
    ) == settings.ops_keys


@pytest.mark.parametrize(
    "value",
    [
        "ann",
        "ann:",
        ":secret",
        "ann/:x",
        "ann/boss:x",
        "a:x,",
        "a:x,a:y",
        "a:x,b:x",
        "a:ü",
        "a b:x",
    ],
)
def test_malformed_ops_keys_are_refused(value: str) -> None:
    assert ["MARKETHUB_OPS_KEYS"] == list(refusals({"MARKETHUB_OPS_KEYS": value}))


@pytest.mark.parametrize("value", ["shop", "shop:", ":x", "shop/admin:x", "a:x,a:y", "a:x,b:x"])
def test_malformed_storefront_keys_are_refused(value: str) -> None:
    assert ["MARKETHUB_STOREFRONT_KEYS"] == list(refusals({"MARKETHUB_STOREFRONT_KEYS": value}))


@pytest.mark.parametrize("name", ["MARKETHUB_STOREFRONT_KEYS", "MARKETHUB_OPS_KEYS"])
def test_a_key_that_can_be_guessed_is_refused_where_real_money_moves(name: str) -> None:
    good, short = {name: f"ann:{'x' * 24}"}, {name: f"ann:{'x' * 24},bob:{'y' * 23}"}

    assert "live" == Settings.from_environ(LIVE | good).mode
    assert [name] == list(refusals(LIVE | short))


def test_the_command_line_acts_as_whose_key_it_is() -> None:
    keys = {"MARKETHUB_OPS_KEYS": "ann:a, bob/refunder:b"}
    acting = Settings.from_environ({**keys, "MARKETHUB_OPS_KEY": "b"}).acting_key

    assert OpsKey(name="bob", role=Role.REFUNDER, secret=Secret("b")) == acting
    assert Settings.from_environ(keys).acting_key is None
    assert ["MARKETHUB_OPS_KEY"] == list(refusals({**keys, "MARKETHUB_OPS_KEY": "c"}))


def test_one_secret_cannot_be_the_shops_and_the_staffs() -> None:
    environ = {"MARKETHUB_STOREFRONT_KEYS": "shop:same", "MARKETHUB_OPS_KEYS": "ann:same"}

    assert ["MARKETHUB_OPS_KEYS"] == list(refusals(environ))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MARKETHUB_CUSTOMER_TOKEN_SECRET", "t" * 31),
        ("MARKETHUB_ENCRYPTION_KEYS", "k" * 31),
        ("MARKETHUB_ENCRYPTION_KEYS", f"{'k' * 32},"),
        ("MARKETHUB_ENCRYPTION_KEYS", f"{'k' * 32},{'k' * 32}"),
        ("MARKETHUB_GATEWAY", "paypal"),
        ("PAYMENT_ENV", "production"),
        ("MARKETHUB_HOST", "http://localhost"),
        ("MARKETHUB_PORT", "65536"),
        ("MARKETHUB_PORT", "-1"),
        ("MARKETHUB_PORT", "http"),
        ("MARKETHUB_WORKERS", "0"),
        ("MARKETHUB_WORKERS", "65"),
        ("MARKETHUB_EMBEDDED_WORKER", "perhaps"),
        ("MARKETHUB_ALLOW_DEV_SECRETS", "perhaps"),
        ("MARKETHUB_FAKE_DELAY_S", "-0.1"),
        ("MARKETHUB_FAKE_DELAY_S", "nan"),
        ("MARKETHUB_FAKE_DELAY_S", "inf"),
        ("MARKETHUB_LOG_LEVEL", "LOUD"),
        ("MARKETHUB_LOG_FORMAT", "xml"),
        ("MARKETHUB_ACTOR", "a\x07b"),
        ("MARKETHUB_REFUND_APPROVAL_ABOVE", "500"),
        ("MARKETHUB_REFUND_APPROVAL_ABOVE", "500.001 usd"),
        ("MARKETHUB_REFUND_APPROVAL_ABOVE", "500 usd,"),
        ("MARKETHUB_REFUND_APPROVAL_ABOVE", "500 xxx"),
        ("MARKETHUB_REFUND_APPROVAL_ABOVE", "-1 usd"),
        ("MARKETHUB_ACTOR", "a" * 65),
        ("MARKETHUB_STRIPE_API_BASE", "ftp://localhost"),
        ("MARKETHUB_STRIPE_API_BASE", "http://"),
        ("MARKETHUB_STRIPE_API_BASE", "http://localhost:99999"),
        ("MARKETHUB_STRIPE_API_BASE", "http://user@localhost"),
        ("MARKETHUB_STRIPE_API_BASE", "http://localhost?a=b"),
        ("MARKETHUB_SPEED", "high"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    assert [name] == list(refusals({name: value}))


def test_every_wrong_variable_is_named_at_once() -> None:
    environ = {"MARKETHUB_PORT": "x", "DATABASE_URL": "mysql://h/d", "MARKETHUB_OPS_KEYS": "x"}

    assert ["DATABASE_URL", "MARKETHUB_OPS_KEYS", "MARKETHUB_PORT"] == list(refusals(environ))


def test_no_refusal_shows_a_value() -> None:
    names = ["DATABASE_URL", *STRIPE, *OWN_SECRETS, "MARKETHUB_STRIPE_API_BASE"]
    environ = dict.fromkeys(names, "hunter2")

    assert "hunter2" not in repr(refusals(environ))


def test_the_settings_do_not_show_their_secrets() -> None:
    environ = STRIPE | OWN_SECRETS | {"DATABASE_URL": "postgresql://u:hunter2@h/d"}
    secrets = ["hunter2", "sk_test_51Abc", "whsec_own", "own-storefront", "own-ops", "t" * 32]
    text = repr(Settings.from_environ(environ))

    assert [] == [secret for secret in secrets if secret in text]


def test_limits_of_one_person_are_read_by_currency() -> None:
    given = {"MARKETHUB_REFUND_APPROVAL_ABOVE": "500.00 usd, 45000 JPY"}
    limits = Settings.from_environ(given, None).refund_approval_limit

    assert {"usd": Money.of(50_000, "usd"), "jpy": Money.of(45_000, "jpy")} == limits.by_currency


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MARKETHUB_PORT=9000\nMARKETHUB_ACTOR=file\n")

    settings = Settings.from_environ({"MARKETHUB_PORT": "9001"}, dotenv)

    assert (9001, "file") == (settings.port, settings.actor)


def test_unknown_names_in_the_file_are_refused(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MARKETHUB_PROT=9000\n")

    assert ["MARKETHUB_PROT"] == list(refusals({}, dotenv))


def test_a_missing_file_is_no_error(tmp_path: Path) -> None:
    assert Settings() == Settings.from_environ({}, tmp_path / ".env")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"MARKETHUB_ACTOR=\xff\n")

    assert [".env"] == list(refusals({}, dotenv))


def test_the_dollar_sign_in_a_secret_is_taken_as_it_is(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MARKETHUB_OPS_KEYS=ann:a${HOME}b\n")

    settings = Settings.from_environ({}, dotenv)

    assert Secret("a${HOME}b") == settings.ops_keys[0].secret


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings() == Settings.from_environ({"STRIPE_SECRET_KEY_TEST": "", "DATABASE_URL": " "})


@pytest.mark.parametrize(
    ("url", "kind", "is_embedded", "account"),
    [
        ("sqlite:///shop.db", "sqlite", True, "shop.db.fake-stripe"),
        ("postgresql://u:p@localhost:5432/shop", "postgresql", False, "fake-stripe.db"),
        ("postgresql://u@/shop?host=/run/pg", "postgresql", False, "fake-stripe.db"),
        ("memory://", "memory", True, "None"),
    ],
)
def test_a_database_address_tells_its_kind(
    url: str, kind: str, is_embedded: bool, account: str
) -> None:
    database = Settings.from_environ({"DATABASE_URL": url}).database

    assert (url, kind, is_embedded, account) == (
        database.url,
        database.kind,
        database.is_embedded,
        str(database.fake_account_path),
    )


def test_a_path_with_four_slashes_is_absolute() -> None:
    assert Path("/srv/shop.db") == Database(url="sqlite:////srv/shop.db").path


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///missing-folder/shop.db",
        "sqlite:///tests",
        "postgres://h/d",
        "postgresql+asyncpg://h/d",
        "postgresql://h",
        "postgresql://h:99999/d",
        "memory:",
        "shop.db",
    ],
)
def test_a_database_that_cannot_be_opened_is_refused(url: str) -> None:
    assert ["DATABASE_URL"] == list(refusals({"DATABASE_URL": url}))


def test_several_processes_cannot_share_memory() -> None:
    environ = {"DATABASE_URL": "memory://", "MARKETHUB_WORKERS": "2"}

    assert ["MARKETHUB_WORKERS"] == list(refusals(environ))


def test_the_address_of_the_api_loses_its_trailing_slash() -> None:
    environ = STRIPE | {"MARKETHUB_STRIPE_API_BASE": "http://127.0.0.1:8000/fake-stripe/"}

    assert "http://127.0.0.1:8000/fake-stripe" == Settings.from_environ(environ).stripe_api_base


def test_live_keys_travel_over_https_only() -> None:
    environ = LIVE | {"MARKETHUB_STRIPE_API_BASE": "http://proxy.example"}

    assert ["MARKETHUB_STRIPE_API_BASE"] == list(refusals(environ))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - recognised, not listened on
        ("::1", "http://[::1]:8000"),
        ("pay.example", "http://pay.example:8000"),
    ],
)
def test_a_browser_on_this_machine_is_told_an_address_that_it_can_reach(
    host: str, url: str
) -> None:
    assert Settings(host=host).local_url == url
