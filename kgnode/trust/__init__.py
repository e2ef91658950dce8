"""Identity: keys, the membership document, access tokens and their exchange."""

from kgnode.trust.exchange import Seen, actor_token, exchange, gateway_of
from kgnode.trust.keys import SigningKey, generate_key, known_keys, load_key, make_key, public_jwks
from kgnode.trust.members import Member, Members, load_members, new_members, sign_members
from kgnode.trust.provider import MembersFile
from kgnode.trust.tokens import Verifier, ends, issue_token

__all__ = [
    "Member",
    "Members",
    "MembersFile",
    "Seen",
    "SigningKey",
    "Verifier",
    "actor_token",
    "ends",
    "exchange",
    "gateway_of",
    "generate_key",
    "issue_token",
    "known_keys",
    "load_key",
    "load_members",
    "make_key",
    "new_members",
    "public_jwks",
    "sign_members",
]
