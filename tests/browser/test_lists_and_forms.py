"""Lists, the filing form and the review queue in a real browser: keys, drops, what is live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.api import ticket_body
from tests.support.service import Service
from tests.unit.formats.markdown_samples import METADATA, finding, with_row

pytestmark = pytest.mark.browser

DROP = """text => {
  const data = new DataTransfer();
  data.items.add(new File([text], "B8-PT-01.md", { type: "text/markdown" }));
  document.body.dispatchEvent(
    new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def document(key: str, status: str = "open") -> str:
    metadata = with_row(METADATA, "Ticket ID", f"`{key}`")
    return finding(metadata=with_row(metadata, "Status", f"`{status}`"))


@pytest.fixture(scope="session")
def three(calls: httpx.Client) -> list[str]:
    """Three tickets of a batch of their own."""
    found = []
    for word in ("alder", "birch", "cedar"):
        body = ticket_body(
            batch=88, title=f"{word} leaves the gate open",
            locations=[{"path": f"kasmina/{word}.py", "start_line": 1}],
        )  # fmt: skip
        found.append(str(calls.post("/tickets", json=body).raise_for_status().json()["key"]))
    return found


def test_tickets_are_chosen_and_changed_by_keyboard(
    window: Callable[..., Any], service: Service, calls: httpx.Client, three: list[str]
) -> None:
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto("/tickets?batch=88&sort=key")
    for key in "jxjjxk":
        page.keyboard.press(key)
    assert page.locator("[data-chosen]").text_content() == "2 chosen"
    page.get_by_label("New status").select_option("investigating")
    page.get_by_role("button", name="Try it first").click()
    page.get_by_text("2 of 2 tickets would change").wait_for()
    page.get_by_role("button", name="Change 2 tickets").click()
    page.get_by_text("2 of 2 tickets changed").wait_for()
    page.get_by_role("link", name="Back to the list").click()
    page.wait_for_url("**/tickets?batch=88&sort=key")
    page.keyboard.press("j")
    page.keyboard.press("v")
    page.wait_for_url(f"**/tickets/{three[0]}#verification")

    statuses = [calls.get(f"/tickets/{key}").json()["status"] for key in three]
    assert statuses == ["investigating", "open", "investigating"]

    page.goto("/keys")
    page.get_by_label("Single keys work").uncheck()
    page.goto("/tickets?batch=88&sort=key")
    page.locator("[data-list] tbody a").first.focus()
    for key in "jx":
        page.keyboard.press(key)
    assert page.locator("tbody :checked").count() == 0


def test_disagreements_are_settled_by_keyboard(
    window: Callable[..., Any], service: Service, calls: httpx.Client
) -> None:
    for key in ("B8-PT-11", "B8-PT-12", "B8-PT-13"):
        headers = {"Content-Type": "text/markdown", "X-Source-Path": f"fixed/{key}.md"}
        calls.post("/imports", content=document(key), headers=headers).raise_for_status()
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto("/drift")
    page.keyboard.press("s")
    page.wait_for_url("**/drift?after=B8-PT-11")
    page.locator("#row-B8-PT-12.at").wait_for()
    page.keyboard.press("f")
    page.locator("#row-B8-PT-13.at").wait_for()
    page.keyboard.press("d")
    page.get_by_text("Nothing behind B8-PT-11 disagrees.").wait_for()

    now = {key: calls.get(f"/tickets/{key}").json()["status"] for key in ("B8-PT-12", "B8-PT-13")}
    assert now == {"B8-PT-12": "closed", "B8-PT-13": "open"}
    left = calls.get("/tickets?drift=true").json()["items"]
    assert [ticket["key"] for ticket in left] == ["B8-PT-11"]


def test_the_filing_form_shows_what_is_alike_and_takes_a_dropped_document(
    window: Callable[..., Any], service: Service, three: list[str]
) -> None:
    watched = window()
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto("/file")
    before = page.locator("#summary").bounding_box()
    page.get_by_label("Title").press_sequentially("an alder leaves the gate open")
    page.locator("aside").get_by_role("link", name=three[0]).wait_for()
    assert page.locator("#summary").bounding_box() == before  # nothing jumps
    page.locator("#summary").fill("So **strong**.")
    page.get_by_role("button", name="Preview").first.click()
    page.locator("strong", has_text="strong").wait_for()

    page.evaluate(DROP, document("B8-PT-01"))
    page.get_by_text("The form holds what the document says.").wait_for()
    assert page.get_by_label("Key", exact=False).last.input_value() == "B8-PT-01"


def test_ten_tickets_are_reviewed_by_keyboard_alone(
    window: Callable[..., Any], calls: httpx.Client, service: Service
) -> None:
    calls.post("/accounts", json={"name": "eve", "role": "reviewer", "speaks_for": ["codereview"]})
    token = calls.post("/accounts/eve/tokens", json={}).raise_for_status().json()["token"]
    keys = []
    for line in range(10, 110, 10):
        place = {"path": "kasmina/blend_ops.py", "start_line": line}
        body = ticket_body(batch=89, title=f"line {line} is odd", locations=[place])
        keys.append(str(calls.post("/tickets", json=body).raise_for_status().json()["key"]))
    watched = window(viewport={"width": 360, "height": 700})
    page = watched.page
    watched.log_in(token)
    page.goto("/review")
    # Those ten and no others, whatever else waits.
    page.evaluate(
        """keys => {
          const form = document.querySelector("form[action='/review/claim']");
          form.append(Object.assign(document.createElement("input"),
            { type: "hidden", name: "keys", value: keys }));
          form.requestSubmit();
        }""",
        " ".join(reversed(keys)),
    )
    for number in range(1, 11):
        page.get_by_text(f"{number} of 10").wait_for()
        page.locator("h1", has_text=f"line {number}0 is odd").wait_for()
        assert page.locator(".verdict-bar button").is_visible()
        if number == 1:  # a comment on the line that the ticket names
            watched.tab_to("[data-comment]")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
            page.keyboard.type("Here.")
            watched.tab_to("[name=verdict]")
        page.keyboard.press("1")
        page.keyboard.press("r")
        page.keyboard.type(f"Read {number}.")
        if number == 2:
            page.reload()  # what is written and not sent is still there
            assert page.locator("#rationale").input_value() == "Read 2."
            watched.tab_to("[name=verdict]")
            page.keyboard.press("1")
            page.keyboard.press("r")
        page.keyboard.press("Control+Enter")
    page.get_by_text("Your review is recorded.").wait_for()

    for number, key in enumerate(keys, 1):
        (review,) = calls.get(f"/tickets/{key}").json()["reviews"]
        assert (review["rationale"], review["author"]) == (f"Read {number}.", "eve")
        if number == 1:
            (comment,) = review["evidence"]
            assert (comment["start_line"], comment["note"]) == (11, "Here.")


def test_what_forms_answer_with_is_accessible_and_fits(
    window: Callable[..., Any], service: Service, three: list[str]
) -> None:
    # The checker puts a script into the page, which the policy would refuse.
    watched = window(
        color_scheme="dark", bypass_csp=True, reduced_motion="reduce",
        viewport={"width": 320, "height": 700},
    )  # fmt: skip
    page = watched.page
    watched.log_in(service.admin_token)
    wrong: dict[str, Any] = {}

    def check(name: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        wrong[name] = watched.violations()
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong[name].append("wider than its window")

    page.goto("/examples")
    check("examples")
    page.goto("/drift")
    check("drift")
    page.goto("/tickets?batch=88")
    page.get_by_label(f"Choose {three[0]}").check()
    check("chosen")
    page.get_by_role("button", name="Try it first").click()
    page.get_by_role("heading", name="What would happen").wait_for()
    check("tried")
    page.goto("/file")
    page.get_by_text("Start from a Markdown document").click()
    page.locator("#document").fill(document("B8-PT-02"))
    page.get_by_role("button", name="Import it").click()
    page.get_by_role("heading", name="Import a document").wait_for()
    check("import")

    assert {name: found for name, found in wrong.items() if found} == {}


def test_without_javascript_lists_and_forms_do_the_same(
    window: Callable[..., Any], service: Service, three: list[str]
) -> None:
    watched = window(java_script_enabled=False)
    page = watched.page
    watched.log_in(service.admin_token)
    page.goto("/tickets?batch=88")
    page.get_by_label(f"Choose {three[1]}").check()
    page.get_by_role("button", name="Try it first").click()
    page.get_by_text("1 of 1 tickets would change").wait_for()

    page.goto("/file")
    page.get_by_label("Title").fill("an alder leaves the gate open")
    page.locator("#summary").fill("So.")
    page.get_by_role("button", name="Only check it").click()
    page.locator("aside").get_by_role("link", name=three[0]).wait_for()
