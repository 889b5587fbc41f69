"""The interface Node of Relay."""

import strawberry


@strawberry.interface(description="An object with a global id. `node` and `nodes` fetch it again by that id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="A global id: opaque, unique across all types, never reused, and unchanged while the"
        " object exists. Pass it back as it came."
    )
