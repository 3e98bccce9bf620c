"""The explorer follows the rules of the library, in a page of its own, in reports and as a widget, and lets nobody in."""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict, replace

import pytest

import k2rel
from k2rel import InputError
from k2rel.bundled import data_dir
from k2rel.explore import LiveSite
from k2rel.explore.answers import answer
from k2rel.explore.serve import ExplorerServer, serve
from k2rel.plots import looks
from k2rel.policy.failover import failover
from k2rel.policy.rules import Policy
from k2rel.rates import site_laws
from k2rel.report.explorer import LISTED, explorer_data, explorer_script
from tests.random_takeovers import random_study
from tests.random_traffic import random_file
from tests.visiting import CHROMIUM, Visit

SITES = ["L1", "L2", "L2R", "L3", "L3R", "nearline", *sorted(map(str, (data_dir() / "examples").glob("*.yaml")))]
DESIGNS = sorted(map(str, (data_dir() / "examples" / "designs").glob("*.yaml")))


@pytest.fixture
def report(pages):
    return pages / "L2R.html"


@pytest.fixture(scope="module")
def opened(browser, pages):
    visit = Visit(browser, (pages / "L2R.html").as_uri())
    yield visit
    visit.clean()


@pytest.fixture(scope="module")
def scripted(browser):
    """An empty page with the script."""
    page = browser.new_page()
    page.add_script_tag(content=explorer_script() + "\nwindow.k2rel = {evaluate: k2relEvaluate, looks: k2relLooks};")
    yield page
    page.close()


def spelled(outcome):
    """An outcome as the page gives it."""
    data = outcome.to_json() | {"carried": dict(outcome.carried)}
    for client in data["clients"]:
        for name in ("media_side", "media_path", "control_path", "name"):
            client.pop(name, None)
    for load, item in zip(data["loads"], outcome.loads, strict=True):
        load |= {key: getattr(item, key) for key in ("at_limit", "short", "ends_full_service")}
    return json.loads(json.dumps(data))


def near(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, int | float) and not isinstance(one, bool):
        return abs(one - other) < 1e-9
    return one == other


def random_states(site, count, seed):
    chance = random.Random(seed)
    own = [name for name, (_, number) in site.own_parts.items() if number <= 9]
    parts = list(dict.fromkeys([*own, *site.components]))
    return [chance.sample(parts, min(len(parts), chance.choice([0, 1, 1, 2, 2, 3, 4, 6, 12]))) for _ in range(count)]


def compared(page, site, home, policy_data, marks, states):
    """How many states the script follows as the library does; the first that it does not."""
    script = "([d, m, s]) => s.map(f => { const o = k2rel.evaluate(d, f); return [o, k2rel.looks(d, m, o)]; })"
    policy = Policy(site, None if home == LISTED else home)
    for failed, (outcome, shown) in zip(states, page.evaluate(script, [policy_data, marks, states]), strict=True):
        expected = failover(policy, failed)
        assert near(spelled(expected), outcome), (site.name, home, failed)
        assert {part: asdict(look) for part, look in looks(site, expected).items()} == shown, (site.name, home, failed)
    return len(states)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize(
    ("each", "counts", "least"), [(12, (7,), 100), pytest.param(150, (None, 1, 7), 4000, marks=pytest.mark.slow)]
)
def test_the_page_and_the_library_agree_in_random_states(opened, each, counts, least) -> None:
    total = 0
    for seed, level in enumerate(SITES):
        for clients in counts:
            try:
                site = k2rel.study(level, clients=clients).site
            except InputError:
                continue  # a file may fix its number of clients
            data = explorer_data(site)
            for home, policy_data in data["policies"].items():
                states = random_states(site, each, seed)
                total += compared(opened.page, site, home, policy_data, data["marks"], states)
    assert total >= least


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize(("each", "seeds"), [(2, 3), pytest.param(20, 60, marks=pytest.mark.slow)])
def test_the_page_and_the_library_agree_on_shared_and_copied_traffic(scripted, tmp_path, each, seeds) -> None:
    """Designs with groups, shares, branches, named holders and what carries, and sites drawn at random."""
    drawn = [random_file(tmp_path, seed) for seed in range(seeds)]
    for seed, file in enumerate([*DESIGNS, *drawn]):
        site = k2rel.study(str(file)).site
        data = explorer_data(site)
        for home, policy_data in data["policies"].items():
            compared(scripted, site, home, policy_data, data["marks"], random_states(site, each, seed))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize(("each", "seeds"), [(5, 8), pytest.param(30, 80, marks=pytest.mark.slow)])
def test_the_page_and_the_library_agree_on_takeovers_and_their_reasons(scripted, tmp_path, each, seeds) -> None:
    """Fences, votes, silence, splits, suspensions: sites drawn at random."""
    for seed in range(seeds):
        site = random_study(tmp_path, seed).site
        data = explorer_data(site)
        for home, policy_data in data["policies"].items():
            compared(scripted, site, home, policy_data, data["marks"], random_states(site, each, seed))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize(
    ("design", "change"),
    [
        ("fc_round_robin", lambda data: data["choices"]["disk"].update(copies=True)),
        ("fc_round_robin", lambda data: data["choices"]["disk"]["groups"][0]["routes"][0].update(weight=2.0)),
        ("st2022_7", lambda data: data["choices"]["video"].update(copies=False)),
        ("ha_pair", lambda data: data["full_service"].remove("half2")),
        ("vrrp", lambda data: data["split"].clear()),
        ("pacemaker", lambda data: data["reasons"].pop(0)),
        ("pacemaker", lambda data: data["takeovers"][0]["steps"].pop(1)),
    ],
)
def test_what_is_changed_in_a_design_is_noticed(scripted, design, change) -> None:
    site = k2rel.study(data_dir() / "examples" / "designs" / f"{design}.yaml").site
    data = explorer_data(site)
    (home, policy_data), *_ = data["policies"].items()
    change(policy_data)
    with pytest.raises(AssertionError):
        compared(scripted, site, home, policy_data, data["marks"], random_states(site, 60, 1))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_rule_that_is_changed_is_noticed_by_that_comparison(opened) -> None:
    site = k2rel.study("L2R").site
    data = explorer_data(site)
    broken = json.loads(json.dumps(data["policies"]["A"]))
    for gate in broken["gates"]:
        if gate[0] == "and":
            gate[0] = "or"
            break
    with pytest.raises(AssertionError):
        compared(opened.page, site, "A", broken, data["marks"], random_states(site, 200, 1))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_click_fails_a_part_and_ways_roles_services_and_loads_follow(browser, report) -> None:
    visit = Visit(browser, report.as_uri())
    assert visit.said() == "Nothing has failed. Down: full service."  # 20 clients are too many for Level 2R
    visit.mark("switch_A").click()
    study = k2rel.study("L2R", clients=20)
    expected = k2rel.failover(study, ["switch_A"])
    lost = [name.replace("_", " ") for name, there in expected.services.items() if not there]
    assert visit.said() == f"Failed: switch A. Down: {', '.join(lost)}."
    assert visit.mark("switch_A").get_attribute("data-failed") == ""
    assert visit.mark("switch_A").get_attribute("aria-pressed") == "true"
    assert visit.mark("server_A").get_attribute("data-out") == ""
    assert visit.mark("server_B").get_attribute("data-way") == "1"
    state = visit.page.inner_text(".k2x-state")
    assert re.search(r"role file system\s+at B", state)
    assert re.search(r"clients' media\s+0 on A, 20 on B, 0 cut off", state)
    (load,) = [item for item in expected.loads if item.element == "fc_link_B"]
    assert re.search(rf"fc link B\s+{load.load_mb_s:.1f}\s+200\s+overloaded", state)
    visit.mark("switch_A").click()
    assert visit.said().startswith("Nothing has failed.")
    visit.clean()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_everything_can_be_done_with_the_keyboard(browser, report) -> None:
    visit = Visit(browser, report.as_uri())
    visit.mark("raid_controller_A").focus()
    visit.page.keyboard.press("Enter")
    assert "raid controller A" in visit.said()
    visit.mark("isl_1").focus()
    visit.page.keyboard.press(" ")
    assert "isl 1" in visit.said()
    visit.page.locator("details.k2x-all summary").focus()
    visit.page.keyboard.press("Enter")
    box = visit.page.locator("input[data-part='psu_raid_1']")
    box.focus()
    visit.page.keyboard.press(" ")
    assert "psu raid 1" in visit.said()
    assert box.is_checked()
    visit.page.get_by_text("repair everything").focus()
    visit.page.keyboard.press("Enter")
    assert visit.said().startswith("Nothing has failed.")
    visit.page.locator(".k2x-tools select").select_option("B")
    assert visit.mark("server_B").get_attribute("data-way") == "1"
    visit.clean()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_it_fits_a_phone(browser, report) -> None:
    visit = Visit(browser, report.as_uri(), width=390)
    visit.mark("server_A").click()
    assert "server A" in visit.said()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.clean()


# The page of its own


def asked(server, path="/", data=None, **headers):
    """Status and text of one request; no redirection is followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(Stay)
    request = urllib.request.Request(server.url.partition("/?")[0].rstrip("/") + path, data=data)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with opener.open(request, timeout=20) as reply:
            return reply.status, reply.read().decode(), reply.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


CHOICE = {"level": "L2R", "clients": 0, "contract": "4h", "rates": "as given"}


def question(server, choice=CHOICE, **headers):
    cookie = {"Cookie": f"{server.cookie}={server.token}"} if "Cookie" not in headers else {}
    given = {"Content_Type": "application/json", **cookie, **headers}
    return asked(server, "/ask", json.dumps(choice).encode() if not isinstance(choice, bytes) else choice, **given)


def test_it_listens_on_this_machine_only_and_wants_the_token(server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert asked(server)[0] == 403
    assert asked(server, "/?token=wrong")[0] == 403
    assert asked(server, Cookie=f"{server.cookie}=wrong")[0] == 403
    code, _, headers = asked(server, f"/?token={server.token}")
    assert code == 303
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    code, page, headers = asked(server, Cookie=f"{server.cookie}={server.token}")
    assert code == 200
    assert server.token not in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_address_on_the_command_line_of_a_browser_counts_once(server) -> None:
    """Every user of the machine can read it there."""
    address = server.once()
    assert server.token not in address
    path = address[address.index("/?") :]
    code, _, headers = asked(server, path)
    assert code == 303
    assert headers["Set-Cookie"].startswith(f"{server.cookie}={server.token};")
    assert asked(server, path)[0] == 403
    assert asked(server, "/?token=")[0] == 403


def test_without_a_token_nothing_of_the_address_gets_into_an_answer() -> None:
    with ExplorerServer("L1", token=False) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as line:
            line.sendall(
                f"GET /?token=x%0d%0aEvil:%201 HTTP/1.0\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode()
            )
            said = line.makefile("rb").read().decode()
        server.shutdown()
    assert said.startswith("HTTP/1.0 303")
    assert "Evil" not in said


def test_a_foreign_name_that_leads_here_is_refused(server) -> None:
    assert asked(server, Cookie=f"{server.cookie}={server.token}", Host="evil.example")[0] == 403
    assert question(server, Host="evil.example:80")[0] == 403


def test_cookies_of_others_of_this_host_neither_lock_out_nor_let_in(server) -> None:
    """A browser keeps cookies by host, not by port, and sends all of them."""
    own = f"{server.cookie}={server.token}"
    for foreign in ("a b=1", 'x="', "[=]", "k2rel_token=old", "\x7f=\xe4", ";;=;"):
        assert asked(server, Cookie=f"{foreign}; {own}")[0] == 200, foreign
        assert asked(server, Cookie=f"{own}; {foreign}")[0] == 200, foreign
    with ExplorerServer("L1") as other:
        assert other.cookie != server.cookie
        assert asked(server, Cookie=f"{other.cookie}={server.token}")[0] == 403


@pytest.mark.parametrize(
    "sent",
    [b"GET //[ HTTP/1.1\r\nHost: {}\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00\xff\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"POST /ask HTTP/1.1\r\nHost: {}\r\nContent-Length: \xb2\r\n\r\n",
     b"GET /?token=%ff%d8 HTTP/1.1\r\nHost: {}\r\n\r\n", b"GET / HTTP/1.1\r\nCookie: " + b"a" * 70_000 + b"\r\n\r\n"],
)  # fmt: skip
def test_a_request_that_is_none_is_answered(server, sent) -> None:
    with socket.create_connection(server.server_address, timeout=20) as line:
        line.sendall(sent.replace(b"{}", f"127.0.0.1:{server.server_port}".encode()))
        line.shutdown(socket.SHUT_WR)
        said = line.recv(4096)
    assert b" 40" in said[:20] or b" 43" in said[:20] or b" 50" in said[:20] or b"Error code: " in said, said[:200]


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_it_listens_on_the_loopback_address_of_ipv6_too() -> None:
    try:
        server = ExplorerServer("L1", "::1")
    except InputError:
        pytest.skip("there is no IPv6 here")
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert server.url.startswith(f"http://[::1]:{server.server_port}/?token=")
        code, _, headers = asked(server, f"/?token={server.token}", Host=f"[::1]:{server.server_port}")
        assert (code, headers["Location"]) == (303, "/")
        assert asked(server, Cookie=f"{server.cookie}={server.token}", Host="[::2]:80")[0] == 403
        server.shutdown()


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
def test_it_is_said_where_other_machines_can_reach_it(address, monkeypatch, capsys) -> None:
    monkeypatch.setattr(ExplorerServer, "serve_forever", lambda self: None)
    serve("L1", address=address, browser=False)
    assert ("other machines reach" in capsys.readouterr().err) == (address == "0.0.0.0")


def test_figures_are_given_to_who_has_the_token_and_asks_properly(server) -> None:
    assert question(server)[0] == 200
    assert question(server, Cookie="")[0] == 403
    assert question(server, Content_Type="text/plain")[0] == 415
    assert question(server, b"{")[0] == 400
    assert question(server, b"[" * 5000)[0] == 400
    assert question(server, b"[]")[0] == 400
    assert question(server, b" " * 20_000)[0] == 413
    assert asked(server, "/other", b"{}", Cookie=f"{server.cookie}={server.token}")[0] == 404
    assert asked(server, "/etc/passwd", Cookie=f"{server.cookie}={server.token}")[0] == 404


@pytest.mark.parametrize(
    "change",
    [{"level": "/etc/passwd"}, {"level": None}, {"clients": -1}, {"clients": 10**9}, {"clients": "many"}, {"clients": []},
     {"contract": "never"}, {"rates": "<script>"}, {"clients": 1e400}],
)  # fmt: skip
def test_a_choice_that_cannot_be_is_answered_with_a_message(change) -> None:
    found = answer({**CHOICE, **change}, {"L2R": "L2R"})
    assert list(found) == ["message"]
    assert found["message"].startswith("not computed: ")


@pytest.mark.parametrize("level", ["L2R", pytest.param("L3R", marks=pytest.mark.slow)])
def test_the_figures_are_those_of_the_library(level) -> None:
    live = LiveSite(level)
    for clients, contract in ((4, "4h"), (9, "nbd"), (9, "onsite")):
        study = k2rel.study(level, clients=clients, repair=contract)
        found = live.figures(clients, contract)
        expected = k2rel.availability(study)
        for item in found.services:
            assert item.unavailability == pytest.approx(expected[item.service].unavailability, rel=1e-12)
        assert found.load.p_any_overload == pytest.approx(k2rel.load(study).p_any_overload, rel=1e-12)


def test_rates_at_their_limits_move_every_row_that_has_limits() -> None:
    live = LiveSite("L1")
    low, mid, high = (
        live.figures(rates=r).services[0].unavailability
        for r in ("at their lower limits", "as given", "at their upper limits")
    )
    study = k2rel.study("L1")
    laws = site_laws(study.site)
    rows = {law.rates_id: law.high_per_h for _, law in laws.used() if law.rates_id and law.high_per_h}
    shared = {
        name: replace(law, failure_rate_per_h=rows.get(law.rates_id, law.failure_rate_per_h))
        for name, law in laws.shared.items()
    }
    moved = replace(study, laws=replace(laws, shared=shared))
    assert low < mid < high
    without_raid = k2rel.availability(moved)["media"].unavailability
    assert high == pytest.approx(without_raid, rel=0.05)  # RAID sets follow their drives and add a little


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_served_page_follows_every_choice(browser, server) -> None:
    visit = Visit(browser, server.url, selector=".k2live .k2x-said")
    page = visit.page
    assert "token" not in page.url
    visit.mark("media_link_A1").click()
    assert "media link A1" in visit.said()
    page.locator("select").nth(1).select_option("nbd")
    page.wait_for_selector(".k2live[data-number='1']")
    assert "media link A1" in visit.said(), "what has failed stays failed"
    minutes = k2rel.availability(k2rel.study("L2R", repair="nbd"))["media"].downtime_min_per_year
    assert re.search(rf"media\s+99\.\d+ %\s+\S+\s+{minutes:.3g}", page.inner_text(".k2live-figures"))
    page.locator("input[type=number]").fill("7")
    page.locator("input[type=number]").press("Enter")
    page.wait_for_selector(".k2live[data-number='2']")
    assert "7 clients" in page.inner_text(".k2live-said")
    assert "K2 clients 2 to 7" in page.locator("svg").first.text_content()
    page.locator("select").first.select_option("L3R")
    page.wait_for_selector(".k2live[data-number='3']")
    assert page.locator("svg [data-part='server_2B']").count() == 1
    page.locator("input[type=number]").fill("100000")
    page.locator("input[type=number]").press("Enter")
    page.wait_for_selector(".k2live[data-number='4']")
    assert "not computed: clients: a whole number from 1 to 10,000 is needed, got 100000" in page.inner_text(
        ".k2live-said"
    )
    visit.clean()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_served_page_says_when_nobody_answers(browser) -> None:
    with ExplorerServer("L1") as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        visit = Visit(browser, running.url, selector=".k2live .k2x-said")
        running.shutdown()
        thread.join()
    visit.page.locator("select").nth(1).select_option("nbd")
    visit.page.wait_for_selector(".k2live[data-number='1']")
    assert "is k2rel explore still running?" in visit.page.inner_text(".k2live-said")
    visit.page.close()


def test_a_port_that_is_taken_is_said(server, k2) -> None:
    run = k2("explore", "L1", "--port", server.server_port, "--no-browser")
    assert run.code == 2
    assert "cannot listen on 127.0.0.1" in run.err
    assert k2("explore", "L1", "--port", "70000", "--no-browser").code == 2
    assert k2("explore", "L9", "--no-browser").code == 2


# The widget


def test_the_widget_follows_choices_and_keeps_its_figures_after_a_mistake() -> None:
    from k2rel.explore.widget import Explorer

    explorer = Explorer("L2R")
    before = explorer.figures
    explorer.choose(contract="nbd")
    assert explorer.figures != before
    assert explorer.site["policies"]["A"]["level"] == "L2R"
    shown = explorer.figures
    explorer.choose(contract="never")
    assert explorer.message.startswith("not computed: contract")
    assert explorer.figures == shown
    with pytest.raises(InputError, match="no level, design or file"):
        Explorer("L9")


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_widget_works_in_jupyterlab(browser, tmp_path) -> None:
    from k2rel.bundled import notebook_dir

    shutil.copy(notebook_dir() / "explorer.ipynb", tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=of-the-test",
             f"--ServerApp.root_dir={tmp_path}", "--allow-root", "--LabApp.news_url=", "--LabServerApp.blocked_extensions_uris="]  # fmt: skip
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    lab = subprocess.Popen([sys.executable, "-m", "jupyterlab", *words], env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2).close()
                break
            except OSError:
                time.sleep(0.3)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"http://127.0.0.1:{port}/lab/tree/explorer.ipynb?token=of-the-test")
        page.locator(".jp-Notebook").wait_for(timeout=60_000)
        page.get_by_text("| Idle").wait_for(timeout=60_000)  # the kernel is there
        page.locator("li.lm-MenuBar-item", has_text="Run").click()
        page.locator("li[data-command='runmenu:run-all']").click()
        page.locator(".k2live svg").wait_for(timeout=90_000)
        page.locator(".k2live svg [data-part='server_A']").click()
        assert page.inner_text(".k2live .k2x-said").startswith("Failed: server A.")
        page.locator(".k2live select").nth(1).select_option("nbd")
        page.locator(".k2live[data-number='1']").wait_for(timeout=20_000)
        minutes = k2rel.availability(k2rel.study("L2R", repair="nbd"))["media"].downtime_min_per_year
        assert f"{minutes:.3g}" in page.inner_text(".k2live-figures")
        target = page.locator(".k2live-choices input").last
        target.fill("99")
        target.press("Enter")
        page.locator(".k2live-verdict .light", has_text="✓ met").wait_for(timeout=20_000)
        page.locator(".k2live svg [data-part='switch_A']").click()
        page.keyboard.press("Control+z")
        assert page.inner_text(".k2live .k2x-said").startswith("Failed: server A. "), "undone here, not in the notebook"
        page.evaluate("document.body.dataset.jpThemeLight = 'false'")
        paper = "getComputedStyle(document.querySelector('.k2live')).backgroundColor"
        assert page.evaluate(paper) == "rgb(21, 25, 29)", "dark as JupyterLab is"
        page.close()
    finally:
        lab.terminate()
        lab.wait(timeout=20)
