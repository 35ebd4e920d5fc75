"""Lines that others send over the network: kept until they are committed, whichever way they came."""
