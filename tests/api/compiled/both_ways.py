"""Executes a document by graphql-core, by its plan, and by its plan with the lists that PostgreSQL writes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import strawberry

from api.compiled.run import Plans
from api.context import Context

FAULT = re.compile(r'"id":"[0-9a-f]{32}"')  # of an internal error: new each time


@dataclass
class BothWays:
    """A schema with its plans. `with_lists`: the schema has lists that PostgreSQL can write."""

    schema: strawberry.Schema
    plans: Plans
    with_lists: bool = False

    async def same(self, text: str, variables: Mapping[str, object], context: Callable[[], Context]) -> str:
        """The answer as JSON, with its errors. Fails if the three ways differ in a byte."""
        core = await self._answer(text, variables, context(), by_plan=False)
        compiled = await self._answer(text, variables, context(), by_plan=True)
        assert compiled == core, f"{text} {variables}"
        if not self.with_lists:
            return compiled
        with_json = context()
        with_json.takes_json = True
        written = await self._answer(text, variables, with_json, by_plan=True)
        assert written == core, f"{text} {variables}"
        return compiled

    async def _answer(
        self, text: str, variables: Mapping[str, object], context: Context, *, by_plan: bool
    ) -> str:
        self.plans.are_used = by_plan
        try:
            result = await self.schema.execute(text, dict(variables), context, operation_name="Generated")
        finally:
            self.plans.are_used = True
        errors = [each.formatted for each in result.errors or ()]
        return FAULT.sub('"id":""', msgspec.json.encode([result.data, errors]).decode())
