"""Executes a document by its plan and by graphql-core."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import strawberry

from api.compiled.run import Plans
from api.context import Context

FAULT = re.compile(r'"id": "[0-9a-f]{32}"')  # of an internal error: new each time


@dataclass
class BothWays:
    """A schema with its plans."""

    schema: strawberry.Schema
    plans: Plans

    async def same(self, text: str, variables: Mapping[str, object], context: Callable[[], Context]) -> str:
        """The answer as JSON, with its errors. Fails if the two ways differ."""
        core = await self._answer(text, variables, context(), by_plan=False)
        compiled = await self._answer(text, variables, context(), by_plan=True)
        assert compiled == core, f"{text} {variables}"
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
        return FAULT.sub('"id": ""', json.dumps([result.data, errors]))
