"""No file, however hostile, makes a reviewer's browser ask anybody for anything, or run anything.

The files are planted behind the screening, as if it had let all of them through: the pages must not
need it. The recorder is first shown to find a request to another site.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from console_under_test import PEOPLE, hub_for_tests, serving
from playwright.sync_api import expect
from sqlalchemy import insert, select, update
from windows import Window, chromium, elsewhere, sit_down

from sandbox import canonical
from sandbox.canonical import digest
from sandbox.gateway import Gateway
from sandbox.governance.installation import install
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import writing

pytestmark = pytest.mark.browser
POLICIES = Path(__file__).parents[1] / "policies"
ROUNDED = b"district,n\nBei,120\nDong,55\n"


def hostile_files(site: str) -> dict[str, tuple[str, bytes]]:
    """Return name, kind and bytes of each file; whatever it loads, it loads from ``site``."""
    active = (
        f'<img src="{site}/image"><script src="{site}/script"></script>'
        f'<link rel=stylesheet href="{site}/css">'
        f'<iframe src="{site}/frame"></iframe><meta http-equiv="refresh" content="0;url={site}/refresh">'
        f'<svg onload="fetch(\'{site}/svg\')"><use href="{site}/use#x"/></svg><object data="{site}/object">'
        f'<link rel="dns-prefetch prefetch" href="{site}/prefetch"><audio autoplay src="{site}/audio">'
    )
    formula = f'=HYPERLINK("{site}/formula"),=WEBSERVICE("{site}/ws")'
    return {
        "page.txt": (
            "note",
            f"<!doctype html><title>x</title>{active}\n</pre></td></table>{active}\n".encode(),
        ),
        "remote.md": ("note", f"![chart]({site}/markdown)\n[x]: {site}/ref\n<{site}/auto>\n".encode()),
        "formula.csv": (
            "table",
            f'"a""{site}",b\n{formula}\n"{active.replace(chr(34), chr(34) * 2)}",1\n'.encode(),
        ),
        "headings.csv": (
            "table",
            f'"{active.replace(chr(34), chr(34) * 2)}","x"" onmouseover=""fetch(1)"\n1,2\n'.encode(),
        ),
        "drawing.svg": (
            "note",
            f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{site}/svg"/></svg>'.encode(),
        ),
        "unseen.csv": ("table", "d,n\nBe\u200bi\u202e,10\n\u2066x\u2069\u00ad,20\n".encode()),
        "not-utf8.csv": ("table", b"d,n\n\xff\xfe\x00\x1b]8;;http://x\x07,1\n"),
        "template.csv": ("table", b"{{ 7 * 7 }},{% include 'base.html' %}\n{{ xsrf }},2\n"),
        "false.png": (
            "image",
            f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{site}/png'/></svg>".encode(),
        ),
        "true.png": ("image", png(f"{site}/text")),
        "true.csv": ("table", ROUNDED),
        "long.csv": ("table", ("n\n" + "\n".join(["9" * 5000] * 300)).encode()),
        "\u202egnp.txt": ("note", b"reversed name\n"),
    }


def png(comment: str) -> bytes:
    """Return a picture of one pixel with a text chunk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
            chunk(b"tEXt", b"Source\0" + comment.encode()),
            chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")),
            chunk(b"IEND", b""),
        ]
    )


def plant(settings: Settings, files: dict[str, tuple[str, bytes]], *, words: str) -> str:
    """Put the files before reviewers as they are, whatever a check would have said of them."""
    gateway = Gateway.open(settings)
    groups = frozenset(PEOPLE["ana"])
    ana = Actor(name="ana", groups=groups, scopes=scopes_of(groups), channel=Channel.NOTEBOOK)
    request = gateway.desk.submit(
        ana, authorization="visits-study", purpose=words, files={"first.csv": ROUNDED}, receipts=[]
    )
    f, r = tables.release_file, tables.release_request
    with writing(gateway.books.engine, wait=5) as connection:
        row = dict(connection.execute(select(f).where(f.c.request == request.id)).mappings().one())
        document = connection.execute(select(r.c.document).where(r.c.id == request.id)).scalar_one()
        known = canonical.decode(document)
        for name, (kind, data) in files.items():
            known["kinds"][name] = [kind, ""]
            if not connection.execute(
                select(tables.blob).where(tables.blob.c.sha256 == digest(data))
            ).first():
                connection.execute(insert(tables.blob).values(sha256=digest(data), content=data))
            connection.execute(
                insert(f).values({**row, "name": name, "sha256": digest(data), "size": len(data)})
            )
        connection.execute(update(r).where(r.c.id == request.id).values(document=canonical.encode(known)))
    gateway.books.close()
    return request.id


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, list[str]]]:
    with elsewhere() as one:
        yield one


@pytest.fixture(scope="module")
def reviewing(
    registered_home: Path, tmp_path_factory: pytest.TempPathFactory, site: tuple[str, list[str]]
) -> Iterator[tuple[Window, str]]:
    home = Path(shutil.copytree(registered_home, tmp_path_factory.mktemp("hostile") / "home"))
    with hub_for_tests(Settings(home=home, raw=home / "raw", policies=POLICIES)) as settings:
        install(settings)
        words = f"<img src={site[0]}/purpose> ![x]({site[0]}/words)"
        request = plant(settings, hostile_files(site[0]), words=words)
        with serving(settings), chromium() as browser:
            yield sit_down(browser, settings, "rita"), request


def test_the_recorder_finds_a_request_to_another_site(
    reviewing: tuple[Window, str], site: tuple[str, list[str]]
) -> None:
    window, _ = reviewing
    other = window.page.context.new_page()
    with other.expect_request("**/planted"):
        other.set_content(f'<img src="{site[0]}/planted">')
    other.wait_for_load_state("networkidle")
    other.close()
    assert window.foreign() == [f"{site[0]}/planted"]
    assert site[1].pop() == "/planted"
    window.asked.clear()


@pytest.mark.parametrize("form", ["", "?as=text", "?as=hex", "?failing=1", "?find=%3Cscript&sort=-1"])
def test_looking_at_hostile_files_asks_nobody_for_anything_and_runs_nothing(
    reviewing: tuple[Window, str], site: tuple[str, list[str]], form: str
) -> None:
    window, request = reviewing
    assert window.open(f"/review/{request}") == 200
    for name in hostile_files(site[0]):
        assert window.open(f"/review/{request}/files/{quote(name)}{form}") == 200, name
        for element in ("script", "iframe", "object", "meta[http-equiv]", "main svg", "audio", "[onload]"):
            expect(window.page.locator(element)).to_have_count(0)
        window.page.mouse.move(300, 400)
        window.page.wait_for_load_state("networkidle")
    assert window.foreign() == []
    assert site[1] == []
    # What claims to be an image and is none is not handed out as one; the browser says so itself.
    assert [fault for fault in window.faults if "404" not in fault] == []


def test_a_template_in_a_file_stays_text(reviewing: tuple[Window, str]) -> None:
    window, request = reviewing
    window.open(f"/review/{request}/files/template.csv")
    expect(window.page.locator("table.preview")).to_contain_text("{{ xsrf }}")
    expect(window.page.locator("table.preview")).to_contain_text("{{ 7 * 7 }}")


def test_an_image_is_shown_beside_the_table_named_as_its_data(reviewing: tuple[Window, str]) -> None:
    window, request = reviewing
    window.open(f"/review/{request}/files/true.csv")
    image = window.page.locator("aside img")
    expect(image).to_have_count(1)
    assert image.evaluate("image => image.complete && image.naturalWidth") == 1
    answer = window.page.context.request.get(f"{window.console}/review/{request}/images/true.png")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "inline; filename=image.png"
    refused = window.page.context.request.get(f"{window.console}/review/{request}/images/false.png")
    assert (refused.status, refused.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_text_and_bytes_spell_out_what_a_table_does_not_show(reviewing: tuple[Window, str]) -> None:
    window, request = reviewing
    window.open(f"/review/{request}/files/unseen.csv?as=text")
    expect(window.page.locator("table.lines")).to_contain_text("Be\u2039U+200B\u203ai\u2039U+202E\u203a")
    window.open(f"/review/{request}/files/unseen.csv?as=hex")
    expect(window.page.locator("table.lines")).to_contain_text("e2 80 8b")
