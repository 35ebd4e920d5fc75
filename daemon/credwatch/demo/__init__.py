"""The demonstration: a working day of three customers, played into log files that real daemons follow."""
