"""The words every floor shares: values and small pure functions, nothing that touches the world."""
