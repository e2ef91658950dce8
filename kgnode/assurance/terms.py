"""The words of SHACL (Core, SHACL-SPARQL and the targets of SHACL-AF), to tell a misspelt one.

In: nothing. Out: the namespace, all known terms, and for each parameter the constraint component
it belongs to (SHACL section 4 and 5).
"""

from __future__ import annotations

SH = "http://www.w3.org/ns/shacl#"

COMPONENTS: dict[str, str] = {
    "class": "ClassConstraintComponent",
    "datatype": "DatatypeConstraintComponent",
    "nodeKind": "NodeKindConstraintComponent",
    "minCount": "MinCountConstraintComponent",
    "maxCount": "MaxCountConstraintComponent",
    "minExclusive": "MinExclusiveConstraintComponent",
    "minInclusive": "MinInclusiveConstraintComponent",
    "maxExclusive": "MaxExclusiveConstraintComponent",
    "maxInclusive": "MaxInclusiveConstraintComponent",
    "minLength": "MinLengthConstraintComponent",
    "maxLength": "MaxLengthConstraintComponent",
    "pattern": "PatternConstraintComponent",
    "languageIn": "LanguageInConstraintComponent",
    "uniqueLang": "UniqueLangConstraintComponent",
    "equals": "EqualsConstraintComponent",
    "disjoint": "DisjointConstraintComponent",
    "lessThan": "LessThanConstraintComponent",
    "lessThanOrEquals": "LessThanOrEqualsConstraintComponent",
    "not": "NotConstraintComponent",
    "and": "AndConstraintComponent",
    "or": "OrConstraintComponent",
    "xone": "XoneConstraintComponent",
    "node": "NodeConstraintComponent",
    "qualifiedMinCount": "QualifiedMinCountConstraintComponent",
    "qualifiedMaxCount": "QualifiedMaxCountConstraintComponent",
    "closed": "ClosedConstraintComponent",
    "hasValue": "HasValueConstraintComponent",
    "in": "InConstraintComponent",
    "sparql": "SPARQLConstraintComponent",
}
"""Parameter -> constraint component; ``property`` nests a shape and has no results of its own."""

_CLASSES = (
    "NodeShape PropertyShape Shape ValidationReport ValidationResult AbstractResult Severity Info "
    "Violation Warning NodeKind BlankNode BlankNodeOrIRI BlankNodeOrLiteral IRI IRIOrLiteral "
    "Literal PropertyGroup Parameter Parameterizable ConstraintComponent Validator "
    "SPARQLAskValidator SPARQLSelectValidator SPARQLConstraint SPARQLExecutable "
    "SPARQLAskExecutable SPARQLSelectExecutable SPARQLConstructExecutable SPARQLUpdateExecutable "
    "PrefixDeclaration SPARQLTarget SPARQLTargetType Target TargetType SPARQLFunction Function "
    "Rule SPARQLRule TripleRule ResultAnnotation JSConstraint ExpressionConstraintComponent "
    "JSConstraintComponent PropertyConstraintComponent"
)
_PROPERTIES = (
    "path property target targetClass targetNode targetObjectsOf targetSubjectsOf deactivated "
    "message severity inversePath alternativePath zeroOrMorePath oneOrMorePath zeroOrOnePath "
    "flags ignoredProperties qualifiedValueShape qualifiedValueShapesDisjoint name description "
    "order group defaultValue conforms result focusNode resultPath value resultMessage "
    "resultSeverity sourceConstraint sourceConstraintComponent sourceShape detail "
    "shapesGraphWellFormed shapesGraph suggestedShapesGraph entailment select ask construct "
    "update prefixes declare prefix namespace parameter optional nodeValidator propertyValidator "
    "validator labelTemplate resultAnnotation annotationProperty annotationValue "
    "annotationVarName expression this rule condition subject predicate object js returnType "
    "editor viewer view"
)
AF_ONLY = frozenset(("expression", "js", "rule"))
"""Terms of the advanced features that this engine leaves to pySHACL or does not judge."""

KNOWN = frozenset(
    [*_CLASSES.split(), *_PROPERTIES.split(), *COMPONENTS, *COMPONENTS.values(), "Violation"]
)
