"""What survives a crash: tables, migrations and the one transaction of a batch."""
