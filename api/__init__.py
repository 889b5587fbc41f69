"""The edge: GraphQL, authentication, the OAuth callback, webhooks in. Thin: read the input, open the transaction, call domain."""
