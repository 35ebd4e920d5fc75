"""A page with every notice that credwatch can send, as text and as pictures, for a person to look at."""
