"""Who may see the console: passwords, API keys, and what is asked of a proxy in front."""
import base64
import json

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.browser import click, text, wait
from support.console import basic, get, panel_states
from support.waiting import eventually


def test_without_a_password_the_list_wants_an_api_key(browser, serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("s3cret back-end\n")
    server = serve("--api-key-file", str(keys))
    assert get(server, "/")[0] == get(server, "/console/figures")[0] == 200
    assert get(server, "/console/sessions")[0] == 401
    drop = json.dumps({"id": "1", "user": "jack"})
    assert get(server, "/console/drop", method="POST", body=drop)[0] == 401
    key = {"X-API-Key": "s3cret"}
    assert get(server, "/console/sessions", key)[0] == 200
    assert get(server, "/console/drop", key, "POST", drop)[2] == '{"dropped":false}'
    browser.get(f"http://{server.address}/#sessions")
    field = browser.find_element(By.ID, "console-key")
    wait(browser, field.is_displayed, "the page asks for it")
    field.send_keys("s3cret", Keys.ENTER)
    wait(browser, lambda: "Nobody is connected" in text(browser, "sessions-note"), "and shows the list")


def test_a_password_covers_the_page_and_all_that_belongs_to_it(serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("t0p-secret jack\nother jill\n")
    server = serve("--console-password-file", str(file))
    paths = ["/", "/console/console.js", "/console/figures", "/console/sessions", "/demo/state"]
    for path in paths:
        status, headers, _ = get(server, path)
        assert status == 401 and headers["WWW-Authenticate"] == 'Basic realm="Martlet", charset="UTF-8"', path
        assert get(server, path, basic("jack", "t0p-secret"))[0] == 200, path
    assert get(server, "/", basic("jill", "other"))[0] == 200
    assert get(server, "/demo/poll?event=candles&token=guess&wait=0")[0] == 401
    assert get(server, "/healthz")[0] == 200  # and nothing else

    for wrong in [basic("jill", "t0p-secret"), basic("jack", "wrong"), basic("jack", ""), {"Authorization": "Basic %"},
                  {"Authorization": "Bearer t0p-secret"}, {"Authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()}]:
        assert get(server, "/", wrong)[0] == 401
    answers = [get(server, "/", basic("jack", str(guess)))[0] for guess in range(10)]
    assert answers[0] == 401 and answers[-1] == 429
    status, headers, _ = get(server, "/", basic("jill", "t0p-secret"))
    assert status == 429 and int(headers["Retry-After"]) >= 1
    # Whoever has shown the right one from here before is not shut out.
    assert get(server, "/", basic("jack", "t0p-secret"))[0] == 200
    assert "t0p-secret" not in "".join(server.log)


def test_a_password_is_replaced_without_a_restart(serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("old jack\n")
    server = serve("--console-password-file", str(file))
    assert get(server, "/", basic("jack", "old"))[0] == 200
    file.write_text("new jack\n")
    eventually(lambda: get(server, "/", basic("jack", "new"))[0] == 200, "the new one counts")


def test_a_page_with_an_old_password_stops_asking(browser, serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("old jack\n")
    server = serve("--console-password-file", str(file))
    browser.get(f"http://jack:old@{server.address}/")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    browser.execute_script("""
        window.guesses = 0;
        const { fetch } = window;
        window.fetch = async (...values) => {
            const response = await fetch(...values);
            if (response.status === 401) guesses++;
            return response;
        };""")
    file.write_text("new jack\n")
    wait(browser, lambda: "load this page again" in text(browser, "service"), "the page says so")
    browser.execute_script("location.hash = '#sessions'")
    wait(browser, lambda: "load this page again" in text(browser, "sessions-note"), "and so does the list")
    browser.execute_script("location.hash = '#demo'")
    wait(browser, lambda: panel_states(browser) == ["load this page again"] * 4, "and the demo")
    # Nor do they ask when they are shown again.
    for part in ("overview", "sessions", "overview", "demo", "sessions"):
        browser.execute_script("location.hash = arguments[0]", part)
        wait(browser, lambda: browser.execute_script("return document.documentElement.dataset.part") == part, "it is shown")
    wait(browser, lambda: "load this page again" in text(browser, "sessions-note"), "it says so still")
    assert 1 <= browser.execute_script("return guesses") <= 3, "those that were on their way at the same time"
    # Nobody has been locked out by it.
    assert get(server, "/", basic("jack", "new"))[0] == 200


def test_a_wrong_api_key_of_try_it_does_not_end_the_access_to_the_console(browser, serve, tmp_path):
    passwords, keys = tmp_path / "passwords", tmp_path / "keys"
    passwords.write_text("t0p-secret jack\n")
    keys.write_text("s3cret-of-a-back-end back-end\n")
    server = serve("--console-password-file", str(passwords), "--api-key-file", str(keys))
    browser.get(f"http://jack:t0p-secret@{server.address}/#try")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    answers = {"guess": "The API key is wrong.", "": "The service asks for an API key.", "s3cret-of-a-back-end": "Sent to 0 sessions."}
    found = {}
    for key in answers:
        field = browser.find_element(By.ID, "push-key")
        field.clear()
        field.send_keys(key)
        browser.execute_script("document.getElementById('push-answer').textContent = ''")
        click(browser, "push")
        wait(browser, lambda: text(browser, "push-answer"), "an answer comes")
        found[key] = text(browser, "push-answer")
    browser.execute_script(
        "window.answers = []; const real = fetch;"
        " window.fetch = async (...all) => { const answer = await real(...all);"
        " if (String(all[0]).includes('/console/figures')) window.answers.push(answer.status); return answer; };"
        " location.hash = '#overview'")
    wait(browser, lambda: len(browser.execute_script("return window.answers")) >= 2, "the page has asked again")
    assert set(browser.execute_script("return window.answers")) == {200}
    assert text(browser, "service").startswith("running"), "the browser still knows the password"
    browser.refresh()
    wait(browser, lambda: text(browser, "service").startswith("running"), "and so does a new page")
    assert found == answers


def test_what_a_proxy_in_front_asked_for_is_no_wrong_key(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("s3cret back-end\n")
    server = serve("--api-key-file", str(keys))
    for _ in range(15):
        assert get(server, "/console/figures", basic("proxy", "its own"))[0] == 200
        assert get(server, "/console/sessions", basic("proxy", "its own"))[0] == 401
    assert get(server, "/console/sessions", {"X-API-Key": "s3cret", **basic("proxy", "its own")})[0] == 200
    answers = [get(server, "/console/sessions", {"X-API-Key": str(guess)})[0] for guess in range(12)]
    assert answers[0] == 401 and answers[-1] == 429
    assert get(server, "/console/figures", {"X-API-Key": "guess"})[0] == 200  # which asks for none


def test_scripts_are_not_answered_with_a_question_for_the_user(serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("t0p-secret jack\n")
    server = serve("--console-password-file", str(file))
    status, headers, _ = get(server, "/console/figures", {"X-Requested-With": "XMLHttpRequest"})
    assert (status, headers["WWW-Authenticate"]) == (401, "Page")
