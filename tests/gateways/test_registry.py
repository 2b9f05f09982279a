"""Which kinds of gateway accounts there are: those of csctl, those of other packages, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from test_acme_gateway import KEY, AcmeLedger

from csctl.clock import Clock
from csctl.errors import Misconfigured
from csctl.gateways import urls
from csctl.gateways.kinds import KINDS
from csctl.gateways.registry import Registry
from csctl.gateways.sandbox.options import options_of
from tests.factories import make_sale
from tests.running import Done
from tests.selection import on_sqlite, one_database
from tests.shops import Shop

Csctl = Callable[..., Done]


@pytest.mark.parametrize("url", ["strype:sk_test_1", "sandbx:ledger.db", "sk_test_1", ""])
def test_an_unknown_kind_is_refused(url: str) -> None:
    accounts = Registry({"main": url}, Clock(), rehearsal=True)

    with pytest.raises(Misconfigured) as refused:
        accounts["main"]

    assert "unknown gateway" in refused.value.message or "no kind of gateway" in refused.value.message
    assert "sk_test_1" not in refused.value.message


def test_an_account_that_is_not_configured_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not configured"):
        Registry({}, Clock(), rehearsal=True)["main"]


@one_database
def test_the_gateway_of_another_package_is_found_by_its_entry_point(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "csctl_acme_gateway-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: csctl-acme-gateway\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[csctl.gateways]\nacme = acme_gateway\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with AcmeLedger() as ledger:
        ledger.now = shop.moment - timedelta(days=2)
        reference = str(ledger.book("sale", 2000, "USD", captured=True)["id"])
        ledger.now = shop.moment
        shop.env["CSCTL_GATEWAY_MAIN"] = f"acme:{KEY}?base={ledger.base}"
        sale = make_sale(shop, "20.00", adopt=False, gateway_ref=reference)

        done = shop(f"txn refund {sale} --amount 8.00 --yes -o json")

        assert (done.code, done.json[0]["outcome"]) == (0, "refunded"), done.err
        assert ledger.books[reference]["returned"] == 800
        (listed,) = shop("gateway list -o json").json
        assert (listed["kind"], listed["account"]) == ("acme", "acme-account-7")


# The sandbox has its cases elsewhere, and CheckoutChamp moves no money: records are imported from it.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("sandbox", "checkoutchamp")])
def test_a_kind_has_the_cases_of_all_gateways_its_help_and_its_documentation(csctl: Csctl, kind: str) -> None:
    root = Path(__file__).parent.parent.parent

    assert (root / "tests" / "gateways" / kind / "test_conformance.py").is_file()
    assert f"{kind}:" in csctl("help gateways").out
    assert f"{kind}:" in (root / "docs" / "gateways.md").read_text(encoding="utf-8")


def test_the_help_names_the_options_of_the_sandbox(csctl: Csctl) -> None:
    url = urls.parse("sandbox:ledger.db")
    options_of(url)

    help = csctl("help gateways").out

    assert [option for option in url._read if f"  {option}=" not in help] == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("stripe:sk_test_HUSH42&base=http://127.0.0.1:9", "has an & before its options"),
        ("nmi:abc?HUSH42=1", "unknown option of nmi"),
        ("stripe:sk_test_X?shared=maybe", "shared cannot be read"),
        ("5KPLOGIN:346HUSH42", "unknown gateway"),
        ("stripe:sk_live_HUSH42", "is a live account, and this database is a rehearsal"),
        ("nmi:HUSH42", "is a live account, and this database is a rehearsal"),
        ("stripe:sk_test_HUSH42%C3%A9", "the key has characters that no key has"),
        ("nmi:HUSH42?rate=1/s&rate=2/s", "the option rate is given twice"),
        ("nmi:HUSH42?base=http://example.com", "CSCTL_GATEWAY_MAIN: the address of a gateway is not https"),
    ],
)
@on_sqlite
def test_a_url_that_was_not_meant_so_is_refused_and_no_part_of_a_secret_repeated(
    shop: Shop, url: str, said: str
) -> None:
    done = shop("txn sync", env={"CSCTL_GATEWAY_MAIN": url})

    assert (done.code, said in done.err) == (11, True), done.err
    assert "CSCTL_GATEWAY_MAIN" in done.err
    assert "HUSH42" not in done.err
    assert "5KPLOGIN" not in done.err


@one_database
def test_a_key_of_the_wrong_mode_is_a_problem_before_any_call(shop: Shop) -> None:
    live = {"CSCTL_GATEWAY_EU": "stripe:rk_live_1"}

    checked, examined = shop("gateway check eu -o json", env=live), shop("doctor -o json", env=live)

    said = "CSCTL_GATEWAY_EU is a live account, and this database is a rehearsal: live accounts move real money"
    assert (checked.code, checked.json[0]["problem"]) == (11, said)
    assert said in {row["problem"] for row in examined.json}


@pytest.mark.parametrize("url", ["stripe:sk_test_1", "authorizenet:L:K?base=https://apitest.authorize.net"])
def test_a_test_account_is_none_of_a_real_shop(url: str) -> None:
    with pytest.raises(Misconfigured, match="is a test account"):
        Registry({"main": url}, Clock(), rehearsal=False)["main"]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (b"\xef\xbb\xbfsk_test_1\r\n", "sk_test_1"),
        (b"\n  sk_test_1  \n\n", "sk_test_1"),
        (b"\n \n", None),
        (b"sk_test_1\nsk_test_2\n", None),
        (b"\xff\xfes\x00k\x00", None),
        (b"k" * 5000, None),
    ],
)
def test_a_key_is_the_one_line_of_its_file(tmp_path: Path, written: bytes, key: str | None) -> None:
    file = tmp_path / "stripe.key"
    file.write_bytes(written)
    file.chmod(0o600)
    url = urls.parse(f"stripe:@{file}", "CSCTL_GATEWAY_MAIN")

    if key:
        assert urls.with_secret(url).key == key
        return
    with pytest.raises(Misconfigured, match="CSCTL_GATEWAY_MAIN") as refused:
        urls.with_secret(url)
    assert "test" not in refused.value.message.replace(str(file), "")
