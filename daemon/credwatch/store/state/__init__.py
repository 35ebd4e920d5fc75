"""What the pipeline goes on from."""
