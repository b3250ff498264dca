"""The catcher as a process: mails and webhooks go in, the page and the list show them, nothing of them is obeyed."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support.kubectl import until

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Catcher:
    url: str
    smtp_port: int


@pytest.fixture(scope="module")
def catcher() -> Iterator[Catcher]:
    port, smtp_port = free_port(), free_port()
    command = [sys.executable, "-m", "btcwatcher_local.catcher", "--port", str(port), "--smtp-port", str(smtp_port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(answers, "the catcher answers", 30)
        yield Catcher(url, smtp_port)
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_a_mail_is_shown_with_what_it_says(catcher: Catcher) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "止损 ema-cross <b>", "bots@example.com", "desk@example.com"
    mail.set_content("BTC/USDT 卖出\n<script>alert(1)</script>")
    mail.add_alternative("<p>the same in HTML</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", catcher.smtp_port) as smtp:
        smtp.send_message(mail)
    newest = httpx.get(f"{catcher.url}/messages").json()["items"][0]
    assert (newest["way"], newest["to"], newest["title"]) == ("mail", "desk@example.com", "止损 ema-cross <b>")
    assert newest["text"] == "BTC/USDT 卖出\n<script>alert(1)</script>"
    page = httpx.get(f"{catcher.url}/").text
    assert "止损 ema-cross &lt;b&gt;" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("body", "title", "text"),
    [
        ('{"title": "Entry", "message": "BTC/USDT"}', "Entry", "BTC/USDT"),
        ('{"anything": [1, 2]}', "", '{"anything": [1, 2]}'),
        ('"just a text"', "", '"just a text"'),
        ("no JSON at all", "", "no JSON at all"),
    ],
)
def test_a_webhook_of_any_kind_is_shown(catcher: Catcher, body: str, title: str, text: str) -> None:
    assert httpx.post(f"{catcher.url}/hooks/pager", content=body).status_code == 200
    newest = httpx.get(f"{catcher.url}/messages").json()["items"][0]
    assert (newest["way"], newest["to"]) == ("webhook", "/hooks/pager")
    assert (newest["title"], newest["text"]) == (title, text)
