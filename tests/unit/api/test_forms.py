"""Multipart bodies, as browsers, curl and httpx make them."""

from typing import Any

import httpx
import pytest

from btcwatcher_api.forms import Part, parts
from btcwatcher_api.problems import Problem


def sent(**how: Any) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://x", **how)
    return request.headers["content-type"], request.read()


def test_fields_and_files() -> None:
    content = b"line\r\n\r\n--other\r\nlast\n"
    read = parts(*sent(data={"namespace": "trading", "name": "ä"}, files={"file": ("a.py", content)}))
    assert read["namespace"] == Part(b"trading", None)
    assert read["name"].content.decode() == "ä"
    assert read["file"] == Part(content, "a.py")


def test_another_media_type_is_415() -> None:
    with pytest.raises(Problem) as refused:
        parts("application/json", b"{}")
    assert refused.value.status == 415


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"nothing"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nwithout a name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=\u00fc", b"--x--"),
    ],
)
def test_what_cannot_be_read_is_400(content_type: str, body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parts(content_type, body)
    assert refused.value.status == 400
