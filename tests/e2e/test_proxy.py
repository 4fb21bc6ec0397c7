"""The app below a path, alone and behind a real nginx, set up with the block of the README."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import (
    CHROMIUM_ARGUMENTS,
    ROOT,
    find,
    find_chromium,
    free_port,
    go_to,
    start_app,
)
from tests.e2e.main_job import READY, Playwright, main_job, wait

HOST = "class.example.org"
README = ROOT / "README.md"


def readme_block() -> str:
    """What the README tells people to put into nginx's settings."""
    found = re.search(r"```nginx\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "README has no block for nginx"
    return found[1]


class Nginx:
    """An nginx of its own, with one location; its log tells what was asked."""

    def __init__(self, folder: Path, block: str) -> None:
        self.log = folder / "access.log"
        self.port = free_port()
        places = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        settings = folder / "nginx.conf"
        settings.write_text(
            f"daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
            "events { worker_connections 256; }\n"
            f'http {{\n{places}log_format asked "$status $uri";\naccess_log {self.log} asked;\n'
            f"server {{\nlisten 127.0.0.1:{self.port};\n{block}}}\n}}\n",
            encoding="utf-8",
        )
        program = find("nginx", "/usr/sbin/nginx")
        self.process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(settings), "-e", str(folder / "error.log")]
        )
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/class/", timeout=5)
                return
            except OSError:
                time.sleep(0.1)
        self.close()
        raise RuntimeError(
            f"nginx did not start: {(folder / 'error.log').read_text(encoding='utf-8')}"
        )

    def asked(self) -> list[tuple[int, str]]:
        """Status and path of all that was asked."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [(int(line.split()[0]), line.split()[1]) for line in lines]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def served(folder: Path, block: str, *options: str, path: str = "class") -> Iterator[Nginx]:
    process, address = start_app(folder, *options, path=path)
    try:
        port = address.removeprefix("http://127.0.0.1:").partition("/")[0]
        nginx = Nginx(folder, block.replace("127.0.0.1:8501", f"127.0.0.1:{port}"))
        try:
            yield nginx
        finally:
            nginx.close()
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of a Chromium for which another host's name is this machine."""
    chromium = browser.browser_type.launch(
        executable_path=find_chromium(),
        args=[*CHROMIUM_ARGUMENTS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"],
    )
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    chromium.close()
    assert not errors, f"The page had errors: {errors}"


def test_below_a_path_each_address_carries_it(tab: Page, tmp_path: Path) -> None:
    asked: list[tuple[int, str]] = []
    tab.on("response", lambda r: asked.append((r.status, r.url)))
    process, address = start_app(tmp_path, path="class")
    try:
        driver = Playwright(tab)
        main_job(driver, f"{address}/", train=False)
        go_to(tab, "Interpolate")
        with tab.expect_download() as download:
            tab.get_by_role("button", name=re.compile("^Download")).first.click()
        assert download.value.path().stat().st_size > 100
        with tab.expect_response(lambda r: "/upload_file/" in r.url) as answer:
            go_to(tab, "Train")
            tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
                {"name": "a.safetensors", "mimeType": "x/y", "buffer": b"GIF89a" * 100}
            )
        assert answer.value.ok
    finally:
        process.terminate()
        process.wait(20)
    files = [(status, url) for status, url in asked if not url.startswith(("blob:", "data:"))]
    assert len(files) > 50
    assert not [url for _, url in files if not url.startswith(f"{address}/")]
    assert not [pair for pair in files if pair[0] >= 400]


def test_the_main_job_is_done_through_the_block_of_the_readme(tab: Page, tmp_path: Path) -> None:
    for nginx in served(tmp_path, readme_block()):
        main_job(Playwright(tab), f"http://{HOST}:{nginx.port}/class/")
        asked = nginx.asked()
        assert (101, "/class/_stcore/stream") in asked or len(asked) > 50
        assert not [pair for pair in asked if pair[0] >= 400 or not pair[1].startswith("/class/")]


def test_a_proxy_may_rewrite_the_host_if_the_app_is_told_the_real_one(
    tab: Page, tmp_path: Path
) -> None:
    block = readme_block().replace("Host $http_host", "Host inside.example")
    assert "inside.example" in block
    for nginx in served(tmp_path, block, "--browser.serverAddress", HOST):
        driver = Playwright(tab)
        driver.goto(f"http://{HOST}:{nginx.port}/class/")
        wait(driver, READY)


def test_a_proxy_may_take_the_path_away(tab: Page, tmp_path: Path) -> None:
    block = readme_block().replace("127.0.0.1:8501;", "127.0.0.1:8501/;")
    for nginx in served(tmp_path, block, path=""):
        driver = Playwright(tab)
        for address in ("/class", "/class/map"):
            driver.goto(f"http://{HOST}:{nginx.port}{address}")
            wait(driver, READY)
        go_to(tab, "Home")
        tab.get_by_role("heading", name="An image becomes a point and comes out again").wait_for()
        wait(driver, READY)
