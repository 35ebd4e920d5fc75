"""What people see of cases, and what they decide about them."""
