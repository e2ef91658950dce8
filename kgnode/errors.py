"""Everything that can go wrong, as one tree.

Each class fixes a ``code`` (stable, for programs), the HTTP ``status`` and the command line's
``exit_code``; each instance carries one clear sentence, a hint how to mend it and, where known,
the file, the line and the subject. ``kgnode.problems`` writes them as documents and reads those.

::

    GridspineError                      exit  status
      InputError                        2     400   what was given cannot be used
        MissingFile, EmptyInput, NotXml, NotCim, NotRdf, TruncatedInput, ArchiveTooLarge,
        BadIdentifier, RepairRefused, DanglingReference, DifferenceMismatch, BadLabels,
        BadPolicy, BadShapes, BadMapping, BadSetting, BadRequest, RedefinesOther
      HomeError                         2     409   a home, a port or a document is not usable
        HomeExists, HomeMissing, HomeInUse, PortInUse, MembersInvalid, MembersExpired,
        MissingExtra, StoreFull
      NotFound                          2     404   no such thing, or hidden: one and the same
      RefusedByShapes                   3     422   the gate found violations
      IdentityError                     4     401   the token does not prove who calls
      ExchangeError                     4     400   a token exchange that is refused
      Forbidden                         4     403   known caller, not allowed
      QueryError                        2     400   one SPARQL request cannot be answered
        MalformedQuery, RefusedQuery, NotAcceptable (406), UnsupportedMedia (415),
        QueryTooLong (413), BadMethod (405),
        Deadline (504), ResultTooLarge (422), TooCostly (422), Overloaded (503)
      NotComplete                       5     502   sources were lost: incomplete or unsound
      MemberError                       5     502   a member misbehaved or cannot be reached
      Unexpected                        1     500   a defect of ours
"""

from __future__ import annotations

from typing import Any, ClassVar


class GridspineError(Exception):
    """Root of the tree; never raised itself.

    Args:
        message: one sentence, what is wrong, naming the thing.
        hint: one sentence, how to mend it.
        file: the file concerned, as the user named it (``archive.zip!member.xml`` inside a zip).
        line: 1-based line in ``file``.
        subject: IRI or name of the asset concerned.
        count: how many places have the same problem.
        detail: further members for the problem document (for example a report).
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "Error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        file: str | None = None,
        line: int | None = None,
        subject: str | None = None,
        count: int = 1,
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line
        self.subject = subject
        self.count = count
        self.detail = detail or {}

    @property
    def where(self) -> str:
        """The place as ``file:line``, ``file`` or the empty string."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Unexpected(GridspineError):
    """A defect of ours; the hint says how to report it."""

    code, status, exit_code, title = "unexpected", 500, 1, "Unexpected error"


class InputError(GridspineError):
    """What was given cannot be used; nothing was changed."""

    code, status, exit_code, title = "bad_input", 400, 2, "Bad input"


class MissingFile(InputError):
    """A named file or folder does not exist or cannot be read."""

    code, title = "missing_file", "File not found"


class EmptyInput(InputError):
    """A file or request body holds nothing."""

    code, title = "empty_input", "Nothing in it"


class NotXml(InputError):
    """A file that should be XML is not, or is ill-formed."""

    code, title = "not_xml", "Not XML"


class NotCim(InputError):
    """XML or RDF, but no CIM model, header or known data in it."""

    code, title = "not_cim", "Not CIM"


class NotRdf(InputError):
    """A file whose format is none that can be read, or whose RDF is ill-formed."""

    code, title = "not_rdf", "Not RDF"


class TruncatedInput(InputError):
    """A file that ends before its root element, archive directory or statement does."""

    code, title = "truncated_input", "Cut off"


class ArchiveTooLarge(InputError):
    """An archive that unpacks beyond the limits: size, ratio, members or nesting."""

    code, status, title = "archive_too_large", 413, "Archive too large"


class BadIdentifier(InputError):
    """An ``rdf:ID`` or ``rdf:about`` that is invalid or used twice."""

    code, title = "bad_identifier", "Bad identifier"


class RepairRefused(InputError):
    """``--strict`` was given and the data needs repairs."""

    code, title = "repair_refused", "Repairs needed"


class DanglingReference(InputError):
    """A model depends on another that is not there."""

    code, title = "dangling_reference", "Missing dependency"


class DifferenceMismatch(InputError):
    """A difference model does not fit the version it is applied to."""

    code, status, title = "difference_mismatch", 409, "Difference does not fit"


class BadLabels(InputError):
    """A labels file that cannot be understood."""

    code, title = "bad_labels", "Labels file refused"


class BadPolicy(InputError):
    """A policy that cannot be understood; it is refused whole."""

    code, title = "bad_policy", "Policy refused"


class BadShapes(InputError):
    """A shape pack that is no SHACL or is faulty."""

    code, title = "bad_shapes", "Shape pack refused"


class BadMapping(InputError):
    """A mapping set that cannot be understood or conflicts with itself."""

    code, title = "bad_mapping", "Mapping set refused"


class BadSetting(InputError):
    """A setting whose value cannot be used."""

    code, title = "bad_setting", "Bad setting"


class BadRequest(InputError):
    """A command or request whose arguments do not fit."""

    code, title = "bad_request", "Bad request"


class RedefinesOther(InputError):
    """A publish that would redefine subjects of another data set of the default graph."""

    code, status, title = "redefines_other", 409, "Redefines another data set"


class HomeError(GridspineError):
    """A home, a port, a document or the disk is not in a usable state."""

    code, status, exit_code, title = "home_error", 409, 2, "Home not usable"


class HomeExists(HomeError):
    """``init`` on a folder that already holds a home."""

    code, title = "home_exists", "Home exists"


class HomeMissing(HomeError):
    """A command on a folder that holds no home."""

    code, title = "home_missing", "No home here"


class HomeInUse(HomeError):
    """Another process has the home open and does not answer on its socket."""

    code, title = "home_in_use", "Home in use"


class PortInUse(HomeError):
    """The port is taken by another process."""

    code, title = "port_in_use", "Port in use"


class MembersInvalid(HomeError):
    """A membership document that is forged, malformed or older than the one known."""

    code, title = "members_invalid", "Membership document refused"


class MembersExpired(HomeError):
    """A membership document past its expiry."""

    code, title = "members_expired", "Membership document expired"


class MissingExtra(HomeError):
    """An optional package is not installed."""

    code, title = "missing_extra", "Optional package missing"


class StoreFull(HomeError):
    """The disk is full: what cannot be written is refused, never forgotten."""

    code, status, title = "store_full", 507, "Disk full"


class NotFound(GridspineError):
    """No such thing; also the answer for what the caller may not know of."""

    code, status, exit_code, title = "not_found", 404, 2, "Not found"


class RefusedByShapes(GridspineError):
    """The gate found violations; nothing was stored. ``detail`` carries the validation result."""

    code, status, exit_code, title = "refused_by_shapes", 422, 3, "Refused by shapes"


class IdentityError(GridspineError):
    """A token that does not prove who calls."""

    code, status, exit_code, title = "identity", 401, 4, "Identity not proven"


class ExchangeError(GridspineError):
    """A token exchange that is refused; ``detail`` has the error of RFC 6749 section 5.2."""

    code, status, exit_code, title = "token_exchange", 400, 4, "Token exchange refused"


class Forbidden(GridspineError):
    """A known caller who is not allowed."""

    code, status, exit_code, title = "forbidden", 403, 4, "Not allowed"


class QueryError(GridspineError):
    """One SPARQL request that cannot be answered."""

    code, status, exit_code, title = "query_error", 400, 2, "Query not answered"


class MalformedQuery(QueryError):
    """Not SPARQL 1.1; the message has line and column."""

    code, title = "malformed_query", "Malformed query"


class RefusedQuery(QueryError):
    """Valid SPARQL that this endpoint never runs: SERVICE, LOAD, any update."""

    code, title = "refused_query", "Query refused"


class NotAcceptable(QueryError):
    """No result format that the client accepts."""

    code, status, title = "not_acceptable", 406, "No acceptable format"


class UnsupportedMedia(QueryError):
    """A request body in a form the protocol does not have."""

    code, status, title = "unsupported_media", 415, "Unsupported request body"


class QueryTooLong(QueryError):
    """A query text beyond the limit."""

    code, status, title = "query_too_long", 413, "Query too long"


class BadMethod(QueryError):
    """A method the endpoint does not have."""

    code, status, title = "bad_method", 405, "Method not allowed"


class Deadline(QueryError):
    """The query ran out of its time and was ended."""

    code, status, title = "deadline", 504, "Deadline passed"


class ResultTooLarge(QueryError):
    """More rows or bytes than this caller may receive."""

    code, status, title = "result_too_large", 422, "Result too large"


class TooCostly(QueryError):
    """A query that ended its process: more memory, or nested deeper, than one query may."""

    code, status, title = "too_costly", 422, "Query too costly"


class Overloaded(QueryError):
    """No evaluator became free in time."""

    code, status, title = "overloaded", 503, "Overloaded"


class NotComplete(GridspineError):
    """Sources were lost; ``detail`` carries the report and the status of the answer."""

    code, status, exit_code, title = "not_complete", 502, 5, "Answer not complete"


class MemberError(GridspineError):
    """A member cannot be reached or answered against the protocol."""

    code, status, exit_code, title = "member_error", 502, 5, "Member failed"
