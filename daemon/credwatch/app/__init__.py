"""The only place that knows every class: settings, pipeline, supervisor, timetable."""
