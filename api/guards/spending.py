"""Refuses the operations of those who have used up their minute (api.guards.rate_limit)."""

from collections.abc import AsyncIterator

from strawberry.extensions import SchemaExtension

from api.context import EdgeContext
from api.errors import Code, refusal


class Spending(SchemaExtension):
    """Refuses an operation (RATE_LIMITED) if its caller or its workspace has used up the minute. Comes after Limits, which measures."""

    async def on_validate(self) -> AsyncIterator[None]:
        execution = self.execution_context
        context = execution.context
        if isinstance(context, EdgeContext) and context.rates is not None and context.viewer is not None:
            spent = context.spent = await context.rates.spend(context.viewer, context.requested)
            if context.response is not None:
                context.response.headers.update(spent.headers)
            if spent.is_over and not execution.pre_execution_errors:
                message = (
                    f"This {spent.scope} has asked for more than {spent.limit:,} objects and rows within a minute. Try again in"
                    f" {spent.seconds} s."
                )
                error = refusal(Code.RATE_LIMITED, message, retryAfter=spent.seconds)
                execution.pre_execution_errors = [error]
        yield
