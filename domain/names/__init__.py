"""Names of people and organisations: words, keys, similarity, classification. Pure."""
