"""The app below a path, alone and behind a real nginx that includes the file README names."""

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
SETTINGS = (ROOT / ".serving" / "nginx.conf").read_text(encoding="utf-8")


class Nginx:
    """An nginx of its own, which includes a file; its log tells what was asked, and of whom."""

    def __init__(self, folder: Path, included: str) -> None:
        self.log = folder / "access.log"
        self.port = free_port()
        places = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "aeviz.conf").write_text(
            included.replace("listen 80;", f"listen 127.0.0.1:{self.port};"), encoding="utf-8"
        )
        settings = folder / "nginx.conf"
        settings.write_text(
            f"daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
            "events { worker_connections 256; }\n"
            f'http {{\n{places}log_format asked "$status $uri $upstream_addr $cookie_aeviz";\n'
            f"access_log {self.log} asked;\ninclude {folder}/aeviz.conf;\n}}\n",
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

    def servers(self) -> dict[str, set[str]]:
        """Each visitor's cookie, and the servers that answered."""
        found: dict[str, set[str]] = {}
        for line in self.log.read_text(encoding="utf-8").splitlines():
            _, _, server, cookie = line.split()
            if cookie != "-":
                found.setdefault(cookie, set()).add(server)
        return found

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def port_of(address: str) -> str:
    return address.removeprefix("http://127.0.0.1:").partition("/")[0]


def served(
    folder: Path, *options: str, settings: str = SETTINGS, path: str = "class"
) -> Iterator[Nginx]:
    process, address = start_app(folder, *options, path=path)
    try:
        nginx = Nginx(folder, settings.replace("127.0.0.1:8501", f"127.0.0.1:{port_of(address)}"))
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


def test_the_main_job_is_done_through_nginx(tab: Page, tmp_path: Path) -> None:
    for nginx in served(tmp_path):
        main_job(Playwright(tab), f"http://{HOST}:{nginx.port}/class/")
        asked = nginx.asked()
        assert (101, "/class/_stcore/stream") in asked or len(asked) > 50
        assert not [pair for pair in asked if pair[0] >= 400 or not pair[1].startswith("/class/")]


def test_each_browser_stays_with_one_of_several_servers(browser: Browser, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = [start_app(folder, path="class") for folder in folders]
    try:
        several = SETTINGS.replace("127.0.0.1:8501", f"127.0.0.1:{port_of(first[1])}")
        several = several.replace(
            "# server 127.0.0.1:8502", f"server 127.0.0.1:{port_of(second[1])}"
        )
        nginx = Nginx(tmp_path, several)
        try:
            used: set[str] = set()
            for _ in range(12):  # whose cookie leads where is left to chance
                context = browser.new_context()
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{nginx.port}/class/train")
                files = page.get_by_test_id("stFileUploaderDropzoneInput")
                files.wait_for(state="attached", timeout=120_000)
                with page.expect_response(lambda r: "/upload_file/" in r.url) as answer:
                    files.set_input_files(
                        {"name": "a.safetensors", "mimeType": "x/y", "buffer": b"GIF89a" * 100}
                    )
                assert answer.value.ok  # which the other server would refuse
                context.close()
                used = set().union(*nginx.servers().values())
                if len(used) == 2:
                    break
            assert used == {f"127.0.0.1:{port_of(address)}" for _, address in (first, second)}
            assert all(len(servers) == 1 for servers in nginx.servers().values())
        finally:
            nginx.close()
    finally:
        for process, _ in (first, second):
            process.terminate()
            process.wait(20)


def test_a_proxy_may_rewrite_the_host_if_the_app_is_told_the_real_one(
    tab: Page, tmp_path: Path
) -> None:
    settings = SETTINGS.replace("Host $http_host", "Host inside.example")
    assert "inside.example" in settings
    for nginx in served(tmp_path, "--browser.serverAddress", HOST, settings=settings):
        driver = Playwright(tab)
        driver.goto(f"http://{HOST}:{nginx.port}/class/")
        wait(driver, READY)


def test_a_proxy_may_take_the_path_away(tab: Page, tmp_path: Path) -> None:
    settings = SETTINGS.replace("http://aeviz;", "http://aeviz/;")
    assert settings != SETTINGS
    for nginx in served(tmp_path, settings=settings, path=""):
        driver = Playwright(tab)
        for address in ("/class", "/class/map"):
            driver.goto(f"http://{HOST}:{nginx.port}{address}")
            wait(driver, READY)
        go_to(tab, "Home")
        tab.get_by_role("heading", name="An image becomes a point and comes out again").wait_for()
        wait(driver, READY)
