"""The customers' pages: notices checked and answered, breaches reported, every touch of the staff seen."""
