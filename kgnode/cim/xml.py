"""The XML parser that reads untrusted files: expat, with everything dangerous switched off.

In: a binary stream and handlers. Out: calls to the handlers, or one clear error with the line.
Entity declarations are refused (so nothing ever expands), nothing external is fetched, nesting is
bounded. Names come as namespace IRI and local name in one string (XML 1.0, Namespaces 1.0).
"""

from __future__ import annotations

from typing import BinaryIO, NoReturn
from xml.parsers import expat

from kgnode.errors import EmptyInput, NotXml, TruncatedInput

CHUNK_BYTES = 1 << 18
MAX_NESTING = 64

_CUT_OFF = frozenset(
    {"no element found", "unclosed token", "partial character", "unclosed CDATA section"}
)


def new_parser(file: str) -> expat.XMLParserType:
    """Return a parser without entities; ``file`` is named in its errors."""
    parser = expat.ParserCreate(namespace_separator="")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.ordered_attributes = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def refused(*_: object) -> NoReturn:
        raise NotXml(
            f"{file} declares or uses entities of its own.",
            hint="Entities are never expanded; write their text instead.",
            file=file,
            line=parser.CurrentLineNumber,
        )

    parser.EntityDeclHandler = refused
    parser.ExternalEntityRefHandler = refused
    parser.SkippedEntityHandler = refused
    return parser


def feed(parser: expat.XMLParserType, stream: BinaryIO, file: str) -> None:
    """Read the stream to its end.

    Raises:
        EmptyInput: nothing but white space.
        NotXml: ill-formed, an unknown encoding, or entities.
        TruncatedInput: it ends before its root element does.
    """
    seen = False
    try:
        while chunk := stream.read(CHUNK_BYTES):
            seen = seen or bool(chunk.strip())
            parser.Parse(chunk, False)
        if not seen:
            raise EmptyInput(f"{file} is empty.", hint="Give a full file.", file=file)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code) or "ill-formed"
        if reason in _CUT_OFF and not stream.read(1):
            raise TruncatedInput(
                f"{file} ends in the middle ({reason}).",
                hint="Fetch or write the file again.",
                file=file,
                line=error.lineno,
            ) from error
        raise NotXml(
            f"{file} is no well-formed XML: {reason}, column {error.offset}.",
            hint="Open it at that line; often a '&' or '<' is not written as '&amp;' or '&lt;'.",
            file=file,
            line=error.lineno,
        ) from error
    except (LookupError, ValueError) as error:
        raise NotXml(
            f"{file} has an encoding that cannot be read: {error}.",
            hint="Write it as UTF-8.",
            file=file,
            line=parser.CurrentLineNumber,
        ) from error
