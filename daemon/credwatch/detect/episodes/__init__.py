"""What is open for a rule, and the detections told of it."""
