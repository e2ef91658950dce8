from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kgnode.errors import BadRequest, RefusedQuery, UnsupportedMedia
from kgnode.query.head import read_head
from kgnode.query.protocol import SparqlRequest, address, read_request, unquoted

Q = "SELECT * { ?s ?p 'é+& %' }"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
DIRECT = {"content-type": "application/sparql-query"}


def read(
    method: str = "GET",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> SparqlRequest:
    pairs = [(k.encode(), v.encode()) for k, v in (headers or {}).items()]
    return read_request(method, query.encode(), read_head(pairs), body)


def test_the_three_ways_of_sending_a_query_mean_the_same() -> None:
    by_get = read(query=urlencode({"query": Q}))
    by_form = read("POST", "", FORM, urlencode({"query": Q}).encode())
    direct = read("POST", "", DIRECT, Q.encode())
    assert by_get.query == by_form.query == direct.query == Q


def test_plus_and_percent_both_spell_a_blank() -> None:
    assert read(query="query=ASK+%7B%20%7D").query == "ASK { }"


def test_graphs_come_from_the_address_and_from_the_form() -> None:
    address = "default-graph-uri=urn%3Aa&default-graph-uri=urn%3Ab&named-graph-uri=urn%3Ac"
    request = read("POST", address, FORM, b"query=ASK%7B%7D&named-graph-uri=urn:d")
    assert request.default_graphs == ("urn:a", "urn:b")
    assert request.named_graphs == ("urn:c", "urn:d")


def test_our_own_parameters_are_understood() -> None:
    query = (
        "query=ASK{}&timeout=2.5&limit=cut&at=2027-01-31T12:00:00Z&mappings=a@1,b@2&partial=allow"
    )
    request = read(query=query)
    assert request.timeout_seconds == 2.5
    assert request.limit_cut
    assert request.at == datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert request.mappings == ("a@1", "b@2")
    assert request.parameters["partial"] == ("allow",)


def test_a_time_may_carry_its_zone_as_an_unescaped_plus() -> None:
    request = read(query="query=ASK{}&at=2027-01-31T12:00:00+01:00")
    assert request.at == datetime(2027, 1, 31, 11, tzinfo=UTC)


def test_a_get_without_a_query_asks_for_the_description() -> None:
    assert read().query is None


@pytest.mark.parametrize(
    ("method", "query", "headers", "body"),
    [
        ("GET", "query=ASK{}&query=ASK{}", {}, b""),
        ("GET", "query=%FF", {}, b""),
        ("POST", "", DIRECT, "ASK { ?s ?p 'é' }".encode("utf-16")),
        ("POST", "query=ASK{}", DIRECT, b"ASK {}"),
        ("POST", "", FORM, b""),
        ("GET", "query=ASK{}&timeout=soon", {}, b""),
        ("GET", "query=ASK{}&timeout=-1", {}, b""),
        ("GET", "query=ASK{}&timeout=nan", {}, b""),
        ("GET", "query=ASK{}&timeout=inf", {}, b""),
        ("GET", "query=ASK{}&limit=5", {}, b""),
        ("GET", "query=ASK{}&at=yesterday", {}, b""),
    ],
)
def test_requests_that_do_not_fit_the_protocol(
    method: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(BadRequest) as caught:
        read(method, query, headers, body)
    assert caught.value.status == 400


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
def test_other_bodies_are_not_understood(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMedia):
        read("POST", "", headers, b"ASK {}")


def test_updates_are_refused_in_every_way_they_can_be_sent() -> None:
    update = "INSERT DATA { <a:a> <a:b> 1 }"
    with pytest.raises(RefusedQuery):
        read("POST", "", FORM, f"update={quote(update)}".encode())
    with pytest.raises(RefusedQuery):
        read("POST", "", {"content-type": "application/sparql-update"}, update.encode())
    with pytest.raises(RefusedQuery):
        read("GET", f"update={quote(update)}")


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("node.example", "http://node.example/sparql"),
        ("[::1]:8080", "http://[::1]:8080/sparql"),
        ("x> ASK {} #", "http://localhost/sparql"),
        ("", "http://localhost/sparql"),
    ],
)
def test_the_base_is_the_address_and_never_more_than_an_address(host: str, base: str) -> None:
    head = read_head([(b"host", host.encode())])
    assert address("http", head.host, "/sparql") == base


@given(st.lists(st.sampled_from(["%", "=", "+", "a", "F", "8", "%C3", "%A9", "?", "~"])))
def test_a_lone_query_is_read_as_one_among_others(encoded: list[str]) -> None:
    def outcome(query_string: str) -> object:
        try:
            return read(query=query_string, headers={"accept": "text/csv", "host": "x"})
        except BadRequest as error:
            return error.message

    text = "query=" + "".join(encoded)
    assert outcome(text) == outcome(f"&{text}")


def test_of_headers_given_twice_the_last_counts_but_the_first_identity() -> None:
    head = read_head(
        [
            (b"accept", b"text/csv"),
            (b"authorization", b"Bearer a"),
            (b"cookie", b"x=1; t=one"),
            (b"host", b"first"),
            (b"host", b"not a host"),
            (b"accept", b"text/html"),
            (b"authorization", b"Bearer b"),
            (b"cookie", b"t=two"),
        ]
    )
    assert (head.accept, head.authorization, head.host) == ("text/html", "Bearer a", b"first")
    assert head.cookie(b"t") == "two"
    assert not head.names_nobody


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (b"gzip", True),
        (b"br, *", True),
        (b"GZIP;q=0.5", True),
        (b"gzip; q=0", False),
        (b"gzip;q=0.000, *", False),
        (b"br", False),
    ],
)
def test_whether_a_client_takes_a_packed_body(header: bytes, taken: bool) -> None:
    assert read_head([(b"accept-encoding", header)]).gzip is taken


@given(st.lists(st.sampled_from([*b"%%=aF01gz\x00 \r\n_\t\x80.+"]), max_size=24).map(bytes))
@example(b"a%3D%0Ab%")
@example(b"%C3%A9%2")
def test_percent_escapes_are_undone_as_the_library_does(encoded: bytes) -> None:
    assert unquoted(encoded) == unquote_to_bytes(encoded)
