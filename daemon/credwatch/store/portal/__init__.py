"""What the customers' pages remember: who is logged in, how, what was reported, what is to change."""
