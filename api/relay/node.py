"""What every object that can be fetched again has."""

import strawberry


@strawberry.interface(description="An object that `node` fetches again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, unique over all types, never used again, the same for as long as the object lives."
    )
