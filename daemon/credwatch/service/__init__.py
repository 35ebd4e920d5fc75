"""What lives long: the supervisor and its parts, the reader, the timetable and its chores."""
