"""How a store is opened, written and kept on each kind of database."""
