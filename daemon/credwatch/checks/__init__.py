"""What `credwatch check` looks at, one file a question."""
