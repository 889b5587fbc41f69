"""What graphql-core keeps between the events of a subscription."""

from graphql import Executor, parse

from api.event_executor import EventExecutor
from api.root import schema


def test_the_events_of_a_subscription_share_no_memo_of_fields() -> None:
    assert schema.execution_context_class is EventExecutor
    document = parse("subscription { syncStatus { cursor } }")
    executor = EventExecutor.build(schema._schema, document)
    assert isinstance(executor, Executor)
    memos = [executor.build_per_event_executor(None)._relevant_sub_fields for _ in range(2)]
    assert memos == [{}, {}]
    assert memos[0] is not memos[1]
    assert executor._relevant_sub_fields is not memos[0]
