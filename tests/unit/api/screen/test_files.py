"""FreqUI's folder, and the page that is made of it."""

import json
from pathlib import Path

import pytest

from btcwatcher_api.screen.files import Files
from btcwatcher_api.settings import SettingsError

PAGE = "<!DOCTYPE html>\n<html><head><title>FreqUI</title></head><body></body></html>"


def test_the_bots_are_in_the_page_before_anything_of_frequi_runs(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(PAGE)
    page = Files(tmp_path).page({"user": "</script><script>alert(1)</script>"})
    assert page.index("btcwatcher-fleet") < page.index("/btcwatcher/fleet.js") < page.index("<title>")
    told = page.split('id="btcwatcher-fleet">')[1].split("</script>")[0]
    assert json.loads(told) == {"user": "</script><script>alert(1)</script>"}
    assert "alert(1)</script>" not in page


def test_only_what_lies_in_the_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "frequi"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets/app.js").write_text("")
    (folder / ".uiversion").write_text("3.1.0\n")
    (tmp_path / "secret").write_text("")
    files = Files(folder)
    assert files.version == "3.1.0"
    assert files.find("/assets/app.js") == folder / "assets/app.js"
    for path in (
        "/index.html",
        "/",
        "/assets",
        "/../secret",
        "/assets/../../secret",
        "/assets/app.js/",
        "//assets/app.js",
    ):
        assert files.find(path) is None


@pytest.mark.parametrize("page", [None, "<html></html>"])
def test_a_folder_without_frequi_is_refused_with_what_to_do(tmp_path: Path, page: str | None) -> None:
    if page is not None:
        (tmp_path / "index.html").write_text(page)
    with pytest.raises(SettingsError, match="BTCWATCHER_FREQUI_DIR"):
        Files(tmp_path)
