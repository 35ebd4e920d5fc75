"""What makes a log provable: entries as bytes, RFC 6962 tree hashes, C2SP signed notes, checkpoints and proofs."""
