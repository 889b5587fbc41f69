"""What a person decided and no machine decides again."""
