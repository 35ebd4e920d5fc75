"""What is known beforehand, as values: customers, users, staff, authorisations."""
