"""Where outgoing webhooks may go."""

from ipaddress import ip_address

import pytest

from markethub.domain.errors import ValidationFailed
from markethub.domain.target import Target, is_reachable

REFUSED_EVERYWHERE = [
    "",
    "shop.example",
    "//shop.example/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "HTTPS://shop.example/",
    "https://",
    "https:///hooks",
    "https://Shop.Example/",
    "https://user@shop.example/",
    "https://user:password@shop.example/",
    "https://shop.example@10.0.0.1/",
    "https://shop.example/#fragment",
    "https://shop.example\\@10.0.0.1/",
    "https://shop.example /",
    " https://shop.example/",
    "https://shop.example/\r\nHost: other",
    "https://shop.example/\n",
    "https://shop.example/\x00",
    "https://shop.example/ü",
    "https://shöp.example/",
    "https://shop.example./",
    "https://shop..example/",
    "https://-shop.example/",
    "https://shop_.example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 126 + "toolong/",
    "https://shop.example:0/",
    "https://shop.example:65536/",
    "https://shop.example:8443x/",
    "https://shop.example:/",
    "https://shop.example/" + "a" * 2048,
    "http://shop.example/",
    "http://93.184.216.34/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://10.1/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0x/",
    "https://256.0.0.1/",
    "https://1.2.3.4.5/",
    "https://shop.example.1/",
    "https://shop.0x1/",
    "https://%31%32%37.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://١٢٧.0.0.1/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://0.0.0.0/",
    "https://255.255.255.255/",
    "https://224.0.0.1/",
    "https://[::]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%eth0]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::ffff:0:10.0.0.1]/",
    "https://[::10.0.0.1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[::1/",
    "https://::1/",
    "https://[:::1]/",
    "https://[1::2::3]/",
    "https://[FE80::1]/",
]

LOCAL = [
    "http://127.0.0.1:9000/hooks",
    "https://127.0.0.1/",
    "http://127.8.9.10/",
    "http://localhost:9000/",
    "http://shop.localhost/",
    "https://localhost/",
    "http://[::1]:9000/",
]


@pytest.mark.parametrize("url", REFUSED_EVERYWHERE)
def test_what_is_not_plainly_a_public_https_address_is_refused_even_in_test_mode(url: str) -> None:
    with pytest.raises(ValidationFailed):
        Target.parse(url, allow_loopback=True)


@pytest.mark.parametrize("url", LOCAL)
def test_this_machine_is_refused_where_real_money_moves(url: str) -> None:
    with pytest.raises(ValidationFailed):
        Target.parse(url, allow_loopback=False)


@pytest.mark.parametrize("url", LOCAL)
def test_this_machine_is_accepted_in_test_mode(url: str) -> None:
    target = Target.parse(url, allow_loopback=True)

    assert target.permits(ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://shop.example", ("https", "shop.example", 443, "/", "shop.example")),
        ("https://shop.example/h?a=1", ("https", "shop.example", 443, "/h?a=1", "shop.example")),
        ("https://shop.example?a=1", ("https", "shop.example", 443, "/?a=1", "shop.example")),
        ("https://shop.example:443/", ("https", "shop.example", 443, "/", "shop.example")),
        ("https://shop.example:81/", ("https", "shop.example", 81, "/", "shop.example:81")),
        ("https://93.184.216.34/", ("https", "93.184.216.34", 443, "/", "93.184.216.34")),
        ("https://[2606:4700::1]:1/", ("https", "2606:4700::1", 1, "/", "[2606:4700::1]:1")),
        ("https://xn--a.example/", ("https", "xn--a.example", 443, "/", "xn--a.example")),
    ],
)
def test_a_public_address_is_taken_apart(url: str, parts: tuple[object, ...]) -> None:
    target = Target.parse(url, allow_loopback=False)

    assert parts == (target.scheme, target.host, target.port, target.path, target.authority)


def test_a_refusal_shows_nothing_of_the_address() -> None:
    with pytest.raises(ValidationFailed) as refused:
        Target.parse("https://ada:s3cret@shop.example/", allow_loopback=False)

    assert "s3cret" not in str(refused.value)
    assert "shop" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "10.255.255.255",
        "100.64.0.1",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.19.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.251",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%1",
        "fec0::1",
        "ff0e::1",
        "2606:4700::1%1",
    ],
)
def test_an_address_that_is_not_on_the_public_internet_is_never_connected_to(text: str) -> None:
    public = Target.parse("https://shop.example/", allow_loopback=False)

    assert not is_reachable(ip_address(text))
    assert not public.permits(ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111"])
def test_an_address_on_the_public_internet_is_connected_to(text: str) -> None:
    target = Target.parse("https://shop.example/", allow_loopback=False)

    assert target.permits(ip_address(text))


def test_plain_http_never_leaves_this_machine_whatever_its_name_resolves_to() -> None:
    target = Target.parse("http://localhost/", allow_loopback=True)

    assert not target.permits(ip_address("93.184.216.34"))


def test_a_target_is_named_by_its_whole_address_without_showing_it() -> None:
    ids = {
        Target.parse(url, allow_loopback=False).id
        for url in (
            "https://shop.example/a?key=s3cret",
            "https://shop.example:443/a?key=s3cret",
            "https://shop.example/b?key=s3cret",
            "https://shop.example:8443/a?key=s3cret",
        )
    }

    assert 3 == len(ids)
    assert not any("s3cret" in each for each in ids)
