"""Small builders of the schema extensions that pydantic does not know: CEL rules and preserved unknown fields."""

from typing import Any

from btcwatcher_crds.names import NAME_PATTERN

JsonSchema = dict[str, Any]

VALIDATIONS = "x-kubernetes-validations"


def rule(expression: str, message: str) -> JsonSchema:
    """A CEL rule with the sentence a user reads when it is broken."""
    return {VALIDATIONS: [{"rule": expression, "message": message}]}


def rules(*each: tuple[str, str]) -> JsonSchema:
    """Several CEL rules, each with its sentence."""
    return {VALIDATIONS: [entry for expression, message in each for entry in rule(expression, message)[VALIDATIONS]]}


def name_rule(longest: int) -> tuple[str, str]:
    """What a kind's metadata.name must be, for `rules`."""
    return (
        f"size(self.metadata.name) <= {longest} && self.metadata.name.matches('{NAME_PATTERN}')",
        f"metadata.name must be at most {longest} characters, begin with a lower-case letter, hold lower-case letters, "
        "digits and dashes only, and end with a letter or digit",
    )


def forbidden(keys: tuple[str, ...], message: str) -> JsonSchema:
    """A CEL rule that refuses an object with any of the keys."""
    return rule(" && ".join(f"!has(self.{key})" for key in keys), message)


def preserve(*parts: JsonSchema) -> JsonSchema:
    """An object whose unknown fields are kept, with all rules of `parts`."""
    rules = [entry for part in parts for entry in part[VALIDATIONS]]
    return {"x-kubernetes-preserve-unknown-fields": True, VALIDATIONS: rules}
