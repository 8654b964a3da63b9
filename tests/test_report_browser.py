"""The report in a real browser: no errors, nothing from a network, no overflowing text, light and dark."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.look.page import page_of
from tfrecord_lite.look.report import make_report

pytest.importorskip("sklearn")
from sklearn.datasets import load_digits, load_sample_images

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]

#: Boxes whose content is wider than they are, but for those that scroll, and what is hidden from sight.
OVERFLOWING = """
[...document.querySelectorAll('body *')].filter(e => !(e instanceof SVGElement))
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'
    && getComputedStyle(e).overflowX === 'visible' && e.clientWidth > 0)
  .filter(e => e.closest('.scroll') === null)
  .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))
"""
#: Texts that reach out of the page on either side.
OUTSIDE = """
[...document.querySelectorAll('main h2, main h3, main p, main li, main dd, main dt, main figcaption, main caption')]
  .filter(e => e.closest('.scroll') === null)
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1)
  .map(e => e.textContent.slice(0, 60))
"""
#: Captions, and what stands in the place of a picture, of which a part is out of the box in which it can be seen: at
#: either end of a table that scrolls, the caption stays in view.
CUT = """
[...document.querySelectorAll('caption, figcaption, .broken')].filter(e => {
  const scrolls = e.closest('.scroll');
  const text = document.createRange();
  text.selectNodeContents(e);
  return [0, 1e6].some(left => {
    if (scrolls) scrolls.scrollLeft = left;
    const box = (scrolls || e.closest('figure') || document.documentElement).getBoundingClientRect();
    return [...text.getClientRects()].some(r => r.left < box.left - 1 || r.right > box.right + 1);
  }) || e.scrollHeight > e.clientHeight + 1;
}).map(e => e.tagName + ': ' + e.textContent.slice(0, 60))
"""
#: The least contrast between a text and what is behind it, as WCAG has it, and where it is.
CONTRAST = """
(() => {
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ''];
  for (const e of document.querySelectorAll('body *')) {
    if (e instanceof SVGElement) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst[0]) worst = [contrast, e.tagName + ' ' + e.textContent.slice(0, 40)];
  }
  return worst;
})()
"""


def encoded(image: Image.Image, image_format: str) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format)
    return file.getvalue()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a bit of everything: long names, hostile names, photographs, digits, damage."""
    directory = tmp_path_factory.mktemp("report")
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    random = np.random.default_rng(1)
    path = directory / ("a_rather_long_name_of_a_file_" * 4 + "-00000-of-00002")
    with tfr.TFRecordWriter(path) as writer:
        for number in range(120):
            left, top = int(random.integers(0, 400)), int(random.integers(0, 250))
            photo = encoded(photos[number % 2].crop((left, top, left + 200, top + 150)), "JPEG")
            digit = Image.fromarray((load_digits().images[number] * 15).astype(np.uint8))
            example = {
                "image/encoded": photo if number % 10 else photo[:300],
                "image/class/label": number % 2,
                "digit": encoded(digit, "PNG"),
                "caption": f"{number} " + "unbreakable" * 9,
                "embedding": random.normal(size=16).astype(np.float32),
                "huge": int(random.integers(-(2**63), 2**63 - 1)),
                "n" * 200: float("nan") if number == 3 else float(random.lognormal(3, 4)),
                "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">": number % 5,
                "words": ["W" * 90, "<b>bold</b>"][: 1 + number % 2],
                "tokens": random.integers(0, 30000, int(random.integers(1, 60))),
            }
            if number % 3 == 0:
                example["sometimes"] = 1
            writer.write_example(example)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    report = directory / "report.html"
    report.write_text(page_of(make_report(path)), encoding="utf-8")
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_the_report_fits_and_can_be_read(browser: Browser, page: Path, width: int, dark: bool) -> None:
    browser.open(page, width, dark=dark)
    browser.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.evaluate(OVERFLOWING) == []
    assert browser.evaluate(OUTSIDE) == []
    assert browser.evaluate(CUT) == []
    contrast, where = browser.evaluate(CONTRAST)
    assert contrast >= 4.5, where
    paper = browser.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(", "))) < 200) == dark
    picture = Image.open(io.BytesIO(browser.screenshot()))
    assert picture.width == width
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 1000  # photographs are on it


@pytest.mark.parametrize("width", [320, 1440])
def test_captions_are_whole_however_long_they_are(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    broken = '<div class="broken">cannot be shown: </div>'  # as look.page writes it
    browser.evaluate(f"document.querySelector('figure img').outerHTML = '{broken}'")
    long = "['a sentence of many words, '.repeat(30), 'unbreakable'.repeat(30)]"
    browser.evaluate(
        f"for (const text of {long}) for (const e of document.querySelectorAll('caption, figcaption, .broken'))"
        " e.append(text)"
    )
    assert browser.evaluate(CUT) == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_runs_nothing_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.open(page, 1440)
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.evaluate("document.title").endswith(": data report")
    told = [event for event in browser.events if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert told == []
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]
    shown = "[...document.images].filter(i => i.complete && i.naturalWidth > 0).length"
    assert browser.evaluate(shown) == browser.evaluate("document.images.length") > 30


def test_something_that_got_past_the_escaping_could_do_nothing(browser: Browser, page: Path, tmp_path: Path) -> None:
    hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    worse = tmp_path / "worse.html"
    worse.write_text(page.read_text(encoding="utf-8").replace("<footer>", f"{hostile}<footer>"), encoding="utf-8")
    browser.open(worse, 1440)
    assert browser.evaluate("document.scripts.length") == 1
    assert browser.evaluate("document.title").endswith(": data report")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser: Browser, page: Path) -> None:
    browser.open(page, 390)
    wanted = browser.evaluate("document.querySelectorAll('a, summary, [tabindex=\"0\"]').length")
    reached = []
    while True:
        browser.press_tab()
        where = browser.evaluate("document.activeElement.className || document.activeElement.tagName")
        if where == "BODY":
            break
        reached.append(where)
        assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", where
    assert len(reached) == wanted
    assert reached[:6] == ["skip", *["A"] * 5]
    assert {"scroll", "name", "SUMMARY"} <= set(reached)


@pytest.mark.parametrize("width", [390, 1440])
def test_many_features_are_folded_and_opened_by_keyboard(browser: Browser, tmp_path: Path, width: int) -> None:
    with tfr.TFRecordWriter(tmp_path / "wide.tfrecord") as writer:
        for number in range(20):
            writer.write_example({f"feature_{name:03d}": number % (name + 1) for name in range(307)})
    report = tmp_path / "report.html"
    report.write_text(page_of(make_report(tmp_path / "wide.tfrecord")), encoding="utf-8")
    browser.open(report, width)
    features = "document.querySelector('.features')"
    folded = browser.evaluate(f"{features}.offsetHeight")
    assert browser.evaluate("document.querySelectorAll('.folded').length") == 300
    browser.evaluate("location.hash = '#feature-200'")  # as the link in the table does
    assert 0 <= browser.evaluate("document.querySelector('#feature-200').getBoundingClientRect().top") < 100
    for name in ("200", "201"):  # one press of the key is the next feature
        browser.press_tab()
        assert browser.evaluate("document.activeElement.textContent") == f"feature_{name}"
        assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press_enter()
    assert browser.evaluate("[...document.querySelectorAll('[open]')].map(e => e.parentElement.id)") == ["feature-201"]
    assert browser.evaluate("document.querySelector('#feature-201 .facts').getBoundingClientRect().height") > 50
    browser.evaluate("document.querySelectorAll('.folded').forEach(e => { e.open = true })")
    assert browser.evaluate(f"{features}.offsetHeight") > 4 * folded
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.evaluate(OVERFLOWING) == []
    assert browser.evaluate(OUTSIDE) == []


def test_a_screen_reader_is_told_what_there_is(browser: Browser, page: Path) -> None:
    browser.open(page, 1440)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert {"banner", "navigation", "main", "contentinfo", "heading", "table", "list", "region"} <= named.keys()
    assert all(named["image"])
    assert any(name.startswith("Values: ") for name in named["image"])
    assert all(named["link"])
    assert all(named["table"])
