"""What `credwatch collect` hands over: batches of whole lines that say which bytes of which log they are."""
