"""Signing keys of organisations and of the scheme: made, kept, and their public half.

In: a folder. Out: ``SigningKey``. Ed25519 (RFC 8037, algorithm ``EdDSA``) or P-256 (``ES256``,
RFC 7518 section 3.4), nothing else; the key id is the RFC 7638 thumbprint, so it cannot be chosen.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import orjson
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey

from kgnode.errors import BadRequest, HomeMissing
from kgnode.home import write_atomically

Algorithm = Literal["EdDSA", "ES256"]
ALGORITHMS: tuple[Algorithm, ...] = ("EdDSA", "ES256")
_CURVES = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}
MAX_PAYLOAD_BYTES = 4 << 20


class _Registry(jws.JWSRegistry):
    """The two algorithms only; membership documents may be larger than the library's default.

    ``EdDSA`` is meant with Ed25519 alone here (the key decides), which is what RFC 9864 asks.
    """

    max_payload_length = MAX_PAYLOAD_BYTES

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


_REGISTRY = _Registry(algorithms=list(ALGORITHMS))


@dataclass(frozen=True)
class SigningKey:
    """A private key with its id; its ``repr`` never shows the secret."""

    kid: str
    algorithm: Algorithm
    key: OKPKey | ECKey = field(repr=False)

    @property
    def public(self) -> dict[str, Any]:
        """The public JWK, with ``kid``, ``alg`` and ``use``."""
        document = cast("dict[str, Any]", dict(self.key.as_dict(private=False)))
        return {**document, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, payload: bytes, typ: str) -> str:
        """Return a compact JWS over the payload (RFC 7515 section 3.1)."""
        header = {"alg": self.algorithm, "kid": self.kid, "typ": typ}
        return jws.serialize_compact(header, payload, self.key, registry=_REGISTRY)


def generate_key(algorithm: Algorithm = "EdDSA") -> SigningKey:
    """Return a new key that is kept nowhere."""
    if algorithm not in ALGORITHMS:
        raise BadRequest(
            f"{algorithm!r} is no algorithm for a key.", hint=f"Use one of {', '.join(ALGORITHMS)}."
        )
    key: OKPKey | ECKey = (
        OKPKey.generate_key("Ed25519") if algorithm == "EdDSA" else ECKey.generate_key("P-256")
    )
    return SigningKey(key.thumbprint(), algorithm, key)


def make_key(folder: Path, algorithm: Algorithm = "EdDSA") -> SigningKey:
    """Make a key and keep it: ``signing.json`` (mode 0600) and the public ``jwks.json``.

    A key that is there already is kept aside as ``signing-<kid>.json``, never overwritten.
    """
    made = generate_key(algorithm)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / "signing.json"
    if place.exists():
        old = load_key(folder)
        place.replace(folder / f"signing-{old.kid}.json")
    secret = {**made.key.as_dict(private=True), "kid": made.kid, "alg": made.algorithm}
    write_atomically(place, orjson.dumps(secret), mode=0o600)
    write_atomically(folder / "jwks.json", orjson.dumps(public_jwks(made)))
    return made


def load_key(folder: Path) -> SigningKey:
    """Return the key kept in a folder.

    Raises:
        HomeMissing: there is none, or it cannot be used.
    """
    place = folder / "signing.json"
    try:
        document = orjson.loads(place.read_bytes())
        algorithm = key_algorithm(document)
        if algorithm is None:
            raise ValueError("curve")
        key = _imported(document, algorithm)
        if not key.is_private:
            raise ValueError("public")
    except (OSError, ValueError, JoseError, TypeError) as error:
        raise HomeMissing(
            f"{place} holds no usable signing key.",
            hint="kgnode init makes one; restore it from a backup if it was lost.",
            file=str(place),
        ) from error
    return SigningKey(key.thumbprint(), algorithm, key)


def known_keys(folder: Path) -> dict[str, dict[str, Any]]:
    """Return key id -> public JWK of the key kept in a folder and of all former ones."""
    found: dict[str, dict[str, Any]] = {}
    for place in sorted(folder.glob("signing*.json")):
        document = orjson.loads(place.read_bytes())
        private = ("d", "p", "q", "dp", "dq", "qi", "k")
        public = {name: value for name, value in document.items() if name not in private}
        found[public["kid"]] = public
    return found


def public_jwks(*keys: SigningKey) -> dict[str, Any]:
    """Return the public JWK set of keys (RFC 7517 section 5)."""
    return {"keys": [key.public for key in keys]}


def key_algorithm(document: Mapping[str, Any]) -> Algorithm | None:
    """Return the one algorithm a JWK may be used with, None if it is of no known curve."""
    found = _CURVES.get((str(document.get("kty")), str(document.get("crv"))))
    return cast("Algorithm | None", found)


def _imported(document: Mapping[str, Any], algorithm: Algorithm) -> OKPKey | ECKey:
    members = {name: document[name] for name in ("kty", "crv", "x", "y", "d") if name in document}
    kind = OKPKey if algorithm == "EdDSA" else ECKey
    return kind.import_key(members)


def verify_compact(
    compact: str, keys: Mapping[str, Mapping[str, Any]], typ: str
) -> tuple[str, bytes]:
    """Check a compact JWS against public JWKs and return the key id and the payload.

    The algorithm follows from the key, never from the token (RFC 8725 section 3.1); a header with
    anything but ``alg``, ``kid`` and ``typ`` is refused.

    Args:
        compact: the three parts.
        keys: kid -> public JWK that may have signed.
        typ: the only type accepted, compared without case.

    Raises:
        ValueError: with one word that says what is wrong.
    """
    header = read_header(compact)
    if not set(header) <= {"alg", "kid", "typ"}:
        raise ValueError("header")
    stated = header.get("typ")
    if not isinstance(stated, str) or stated.lower().removeprefix("application/") != typ:
        raise ValueError("type")
    if header.get("alg") not in ALGORITHMS:
        raise ValueError("algorithm")
    kid = header.get("kid")
    document = keys.get(kid) if isinstance(kid, str) else None
    if document is None:
        raise ValueError("key")
    algorithm = key_algorithm(document)
    if algorithm is None or algorithm != header["alg"]:
        raise ValueError("algorithm")
    try:
        checked = jws.deserialize_compact(
            compact, _imported(document, algorithm), registry=_REGISTRY
        )
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("signature") from error
    return str(kid), bytes(checked.payload)


def read_header(compact: str) -> Mapping[str, Any]:
    """Return the protected header of a compact JWS without checking anything.

    Raises:
        ValueError: ``form``: it is not three base64url parts with a JSON object first.
    """
    try:
        compact.encode("ascii")
        if compact.count(".") != 2 or not all(compact.split(".")):
            raise ValueError("parts")
        header = jws.extract_compact(compact.encode()).headers()
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("form") from error
    if not isinstance(header, dict):
        raise ValueError("form")
    return header


def unchecked_payload(compact: str) -> dict[str, Any]:
    """Return the JSON object a compact JWS carries, without checking anything; {} if none."""
    parts = compact.split(".")
    try:
        document = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
