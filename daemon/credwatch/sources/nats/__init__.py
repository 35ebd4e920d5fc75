"""NATS JetStream: what brings lines from a stream, and what puts them there."""
