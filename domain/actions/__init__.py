"""What a person does with a link or a contact."""
