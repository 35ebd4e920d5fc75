"""credwatch watches credentials and carries each breach to the people who must hear of it."""
