"""The door: a page of another site gets nothing done and learns nothing, Dagster's own pages get everything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.web.door import Door
from tests.mesh_pipelines.web.asgi import HOST, Answer, ask

JSON = {"content-type": "application/json"}
HERE = f"http://{HOST}"


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """An application that lets everybody in, and every site."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    headers = [(b"Access-Control-Allow-Origin", b"*"), (b"access-control-allow-methods", b"*")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"inside"})


attack = pytest.mark.odd_input("web pages", "lost", "leaked")

DOOR = Door(inside, ["mesh.example.com", "[fd00::1]"])


def refused(answer: Answer, status: int) -> bool:
    """True if nothing inside was reached, and the answer says why."""
    return answer.status == status and answer.text.startswith("Refused: ") and len(answer.text) < 120


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:3000", "127.0.0.1", "localhost:3000", "LocalHost:3000", "[::1]:3000", "localhost:8080"),
        *("mesh.example.com", "MESH.example.com:443", "[fd00::1]:3000"),
    ],
)
def test_each_name_of_the_server_is_answered(host: str) -> None:
    """Those of this machine, whatever port a tunnel gave them, and those that the settings add."""
    assert ask(DOOR, headers={"host": host}).text == "inside"


@attack
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example:3000"),
        *(
            "evil-localhost",
            "localhost.",
            "localhost@evil.example",
            "evil.example@localhost",
            "xn--lcalhost-x2a",
        ),
        *(
            "",
            ":3000",
            "localhost:",
            "localhost:3000:3000",
            "localhost:300000",
            "localhost/evil",
            "localhost ",
        ),
        *(
            "127.0.0.1,evil.example",
            "[::1",
            "::1",
            "[::1]evil",
            "0.0.0.0:3000",
            "2130706433",
            "127.1",
            "10.0.0.7",
        ),
    ],
)
def test_a_name_that_leads_here_by_rebinding_is_refused(host: str) -> None:
    """Whatever the name looks like; so is a WebSocket."""
    given = {"host": host} if host != "localhost " else {"host": "localhost\t evil"}
    assert refused(ask(DOOR, headers=given), 403)
    assert refused(ask(DOOR, "/graphql", "POST", {**JSON, **given}), 403)
    assert ask(DOOR, "/graphql", headers=given, kind="websocket").status == 403


@attack
@given(st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True))
def test_no_other_name_is_answered(name: str) -> None:
    """Any name that is not one of the server's."""
    if name not in ("localhost", "127.0.0.1", "mesh.example.com"):
        assert ask(DOOR, headers={"host": f"{name}:3000"}).status == 403


def test_the_connections_own_address_is_answered() -> None:
    """Where the server listens on every address: no name can be made to look like a number."""
    there = {"host": "192.168.7.5:3000"}
    assert ask(DOOR, headers=there, server=("192.168.7.5", 3000)).text == "inside"
    assert refused(ask(DOOR, headers=there, server=("192.168.7.6", 3000)), 403)
    assert ask(DOOR, headers={"host": "[fe80::1]"}, server=("fe80::1", 3000)).text == "inside"


@attack
@pytest.mark.parametrize("name", ["host", "origin", "content-type", "content-length", "sec-fetch-site"])
def test_a_header_that_decides_comes_once(name: str) -> None:
    """Of two, another program might take the other."""
    values = {
        "host": HOST,
        "origin": HERE,
        "content-type": "application/json",
        "content-length": "2",
        "sec-fetch-site": "same-origin",
    }
    once = list(values.items())
    assert ask(DOOR, "/graphql", "POST", once, body=b"{}").text == "inside"
    assert refused(ask(DOOR, "/graphql", "POST", [*once, (name, values[name])]), 400)
    assert refused(ask(DOOR, "/graphql", "POST", [*once, (name, "evil.example")]), 400)


@attack
@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "https://evil.example:3000", "null", "NULL", "", "file://", "http://"),
        *("http://127.0.0.1", "http://127.0.0.1:3001", "http://127.0.0.1:30000", "http://localhost:3000"),
        *(
            "HTTP://127.0.0.1:8888",
            "http://127.0.0.1:3000.evil.example",
            "http://127.0.0.1:3000@evil.example",
        ),
        *(
            "ftp://127.0.0.1:3000",
            "//127.0.0.1:3000",
            "127.0.0.1:3000",
            "http://127.0.0.1:3000/",
            "chrome-extension://a",
        ),
        *("http://127.0.0.1:3000 http://evil.example", "https://127.0.0.1:3000", "ws://127.0.0.1:3000"),
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    """Another host, another port of this machine, an origin that hides: reads, changes and WebSockets."""
    assert refused(ask(DOOR, headers={"origin": origin}), 403)
    assert refused(ask(DOOR, "/graphql", "POST", {**JSON, "origin": origin}), 403)
    assert ask(DOOR, "/graphql", headers={"origin": origin}, kind="websocket").status == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        *((HOST, HERE), ("LOCALHOST:3000", "http://localhost:3000"), ("[::1]:3000", "http://[::1]:3000")),
        *(
            ("mesh.example.com", "http://mesh.example.com"),
            ("mesh.example.com:80", "http://mesh.example.com"),
            ("mesh.example.com:3000", "http://mesh.example.com:3000"),
        ),
        *(("localhost:8080", "http://localhost:8080"), (HOST, HERE.upper())),
    ],
)
def test_its_own_pages_ask_and_change(host: str, origin: str) -> None:
    """Same scheme, host and port; through a tunnel as well."""
    own = {"host": host, "origin": origin}
    assert ask(DOOR, headers=own).text == "inside"
    assert ask(DOOR, "/graphql", "POST", {**JSON, **own}).text == "inside"
    assert ask(DOOR, "/graphql", headers=own, kind="websocket").status == 101


PROXIED = Door(inside, ["mesh.example.com"], "https://mesh.example.com")


@pytest.mark.parametrize("host", [HOST, "mesh.example.com", "mesh.example.com:443"])
@pytest.mark.parametrize("origin", ["https://mesh.example.com", "HTTPS://mesh.example.com:443"])
def test_the_address_of_a_proxy_is_its_own(host: str, origin: str) -> None:
    """Whether the proxy passes the name on that the browser asked for, or names this server."""
    assert ask(PROXIED, "/graphql", "POST", {**JSON, "host": host, "origin": origin}).text == "inside"
    assert ask(PROXIED, "/graphql", headers={"host": host, "origin": origin}, kind="websocket").status == 101


@attack
@pytest.mark.parametrize("host", [HOST, "mesh.example.com", "mesh.example.com:443", "mesh.example.com:80"])
@pytest.mark.parametrize(
    "origin", ["http://mesh.example.com", "https://evil.example.com", "https://mesh.example.com:8443"]
)
def test_behind_a_proxy_only_its_address_is_its_own(host: str, origin: str) -> None:
    """A page of the same name without TLS may have been put there by anybody on the way."""
    assert refused(ask(PROXIED, "/graphql", "POST", {**JSON, "host": host, "origin": origin}), 403)
    assert ask(PROXIED, "/graphql", headers={"host": host, "origin": origin}, kind="websocket").status == 403


@attack
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_page_of_another_scheme_is_refused(kind: str) -> None:
    """In both directions; whoever runs a proxy reads which setting names its address."""
    answer = ask(DOOR, headers={"host": "mesh.example.com", "origin": "https://mesh.example.com"}, kind=kind)
    assert answer.status == 403
    assert kind == "websocket" or "MESH_UI_URL" in answer.text
    secure = {"http": "https", "websocket": "wss"}[kind]
    mine = {"host": HOST, "origin": f"https://{HOST}"}
    assert ask(DOOR, headers=mine, kind=kind, scheme=secure).status in (200, 101)
    assert ask(DOOR, headers={"host": HOST, "origin": HERE}, kind=kind, scheme=secure).status == 403


def test_a_proxys_server_is_still_reached_directly() -> None:
    """On its own port of this machine, by its own pages."""
    direct = {"host": "mesh.example.com:3000", "origin": "http://mesh.example.com:3000"}
    assert ask(PROXIED, "/graphql", "POST", {**JSON, **direct}).text == "inside"
    assert ask(PROXIED, "/graphql", "POST", {**JSON, "origin": HERE}).text == "inside"


@attack
@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "unheard-of"])
@pytest.mark.parametrize("dest", ["empty", "image", "script", "iframe", "embed", "object"])
def test_what_a_page_of_another_site_loads_is_refused(site: str, dest: str) -> None:
    """A picture, a script, a frame, a fetch that hides its origin; a page on another port is another site."""
    mode = "navigate" if dest in ("iframe", "embed", "object") else "no-cors"
    sent = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    assert refused(ask(DOOR, headers=sent), 403)
    assert ask(DOOR, "/graphql", headers=sent, kind="websocket").status == 403


def test_a_link_that_leads_here_is_followed() -> None:
    """From a mail or a chat, by a person; a form of that page is not sent."""
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert ask(DOOR, "/runs/1", headers=link).text == "inside"
    assert refused(ask(DOOR, "/graphql", "POST", {**JSON, **link}), 403)
    for site in ("same-origin", "none"):
        assert ask(DOOR, headers={"sec-fetch-site": site}).text == "inside"


@attack
@pytest.mark.parametrize(
    "path",
    [
        *("/graphql", "/graphql/", "/GraphQL", "/graphql?query=mutation{x}", "/%67raphql", "/graphql/x"),
        *("/report_asset_materialization/a/b", "/report_asset_check/a", "/report_asset_observation/a"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_is_executed_without_a_post(path: str, method: str) -> None:
    """GraphQL by GET would execute mutations that a mere link or picture asks for."""
    answer = ask(DOOR, path, method)
    assert refused(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST"


@attack
@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "QUERY", "post"])
def test_other_methods_are_refused(method: str) -> None:
    """A browser's question whether another site may ask has no yes."""
    assert refused(ask(DOOR, "/graphql", method, JSON), 405)


@attack
@pytest.mark.parametrize(
    "kind",
    [
        *("", "text/plain", "text/plain; application/json", "text/plain;charset=application/json"),
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json"),
        *("application/graphql", "application/json+x", "application/jsonp", "application/json, text/plain"),
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/a/b", "/"])
def test_only_json_is_posted(kind: str, path: str) -> None:
    """What a form of another site can send is refused, and what is only called JSON on the way."""
    assert refused(ask(DOOR, path, "POST", {"content-type": kind} if kind else {}), 415)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON; charset=utf-8", " application/json ", "application/json; x"],
)
def test_json_is_let_in(kind: str) -> None:
    """However it is written."""
    assert ask(DOOR, "/graphql", "POST", {"content-type": kind}).text == "inside"


@attack
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/docs/../keys",
            "/docs/..%2f..%2fkeys",
            "/docs/%2e%2e/keys",
            "/docs/./a",
            "/..",
            "/docs/..%5ckeys",
            "/a%5cb",
        ),
        *(
            "http://evil.example/graphql",
            "//evil.example/../a",
            "*",
            "",
            "graphql",
            "/a%00b",
            "/a%0d%0ab",
            "/logs/..%2fx",
        ),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    """Steps out of a folder however they are written, and targets that name a host."""
    assert refused(ask(DOOR, path), 400)
    assert refused(ask(DOOR, path, "POST", JSON), 400)


@attack
def test_no_answer_allows_another_origin() -> None:
    """Whatever is inside, and of refusals as well; nothing is guessed, framed or read by another site."""
    for headers in ({}, {"origin": HERE}, {"origin": "http://evil.example"}, {"host": "evil.example"}):
        answer = ask(DOOR, headers=headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
        assert "set-cookie" not in answer.headers


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with the body that it was given, as often as it came."""
    got: list[bytes] = []
    more = True
    while more:
        message = await receive()
        got.append(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"|".join(got)})


SMALL = Door(echo, largest=10, seconds=0.2)
PIECES = {"transfer-encoding": "chunked", **JSON}


@pytest.mark.parametrize("body", [b"{}", b'{"a": 123}'])
def test_a_body_within_the_limit_comes_in_whole(body: bytes) -> None:
    """With a length, or in pieces of any size."""
    sized = {**JSON, "content-length": str(len(body))}
    assert ask(SMALL, "/graphql", "POST", sized, body=body).text == body.decode()
    assert (
        ask(SMALL, "/graphql", "POST", PIECES, body=[bytes([b]) for b in body] or [b""]).text == body.decode()
    )
    assert ask(SMALL, "/graphql", "POST", JSON).text == ""


@attack
def test_a_body_beyond_the_limit_is_refused() -> None:
    """By its length before any of it is read, and in pieces as soon as it is too long; of a GET as well."""
    for length in ("11", "9" * 40, "9" * 5000):
        answer = ask(SMALL, "/graphql", "POST", {**JSON, "content-length": length}, body=[], ends=False)
        assert refused(answer, 413)
        assert "MESH_UI_BYTES" in answer.text
        assert answer.headers["connection"] == "close"
    assert refused(ask(SMALL, "/graphql", "POST", PIECES, body=[b"012345"] * 2, ends=False), 413)
    assert refused(ask(SMALL, "/", headers={"content-length": "11"}, body=[], ends=False), 413)


@attack
def test_a_body_that_does_not_come_is_waited_for_no_longer_than_the_limit() -> None:
    """A client that sends a byte now and then holds no place for ever."""
    assert refused(ask(SMALL, "/graphql", "POST", PIECES, body=[b"{"], ends=False), 408)
    sized = {**JSON, "content-length": "8"}
    assert refused(ask(SMALL, "/graphql", "POST", sized, body=[], ends=False), 408)


@attack
@pytest.mark.parametrize("length", ["-1", "+2", "2, 2", "0x2", "", "2.0", "²"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    """The server refuses it as well; of two readings one would be wrong."""
    assert refused(ask(SMALL, "/graphql", "POST", {**JSON, "content-length": length}), 400)


@attack
@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"[]",
            b"[{}]",
            b"1",
            b"null",
            b'"{}"',
            b"{",
            b"{}{}",
            b'{"a": }',
            b"{'a': 1}",
            b"query",
            b"\xff{}",
        ),
        *(
            b'{"a": "\xff"}',
            b"\xef\xbb\xbf{}",
            b"{}\x00",
            "{}".encode("utf-16"),
            b"[" * 200_000,
            b'{"a":' * 200_000,
        ),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    """In few words, before Dagster makes an error and a trace of it."""
    sized = {**JSON, "content-length": str(len(body))}
    assert refused(ask(DOOR, "/graphql", "POST", sized, body=body), 400)
    assert refused(ask(DOOR, "/report_asset_check/a", "POST", PIECES, body=[body]), 400)


@attack
@pytest.mark.parametrize("more", [[("x", "y" * 65_536)], [("x", "y")] * 40_000], ids=["long", "many"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_headers_that_are_too_large_are_refused(more: list[tuple[str, str]], kind: str) -> None:
    """One that is long, or many; a large one of a browser is let in."""
    answer = ask(DOOR, headers=more, kind=kind)
    assert answer.status == 403 if kind == "websocket" else refused(answer, 431)
    assert ask(DOOR, headers=[("cookie", "y" * 8192)], kind=kind).status in (200, 101)


@attack
def test_a_body_with_two_lengths_is_refused() -> None:
    """A proxy may take the one, this server the other: the rest would be a request of its own."""
    assert refused(ask(SMALL, "/graphql", "POST", {**PIECES, "content-length": "2"}, body=b"{}"), 400)
