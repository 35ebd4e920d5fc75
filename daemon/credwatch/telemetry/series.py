"""Names every metric series, with its unit, its labels and what it says; `docs/operations.md` is its dictionary."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class SourceSeries:
    """What comes in: one set of series for each source."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(f"credwatch_{name}", text, ["source", *more], registry=registry)

        def gauge(name: str, text: str, *more: str) -> Gauge:
            return Gauge(f"credwatch_source_{name}", text, ["source", *more], registry=registry)

        self.lines = counter("lines_total", "Lines taken from the source and committed.")
        self.events = counter("events_total", "Lines that a log pack read as an event.", "pack")
        self.skipped = counter("skipped_lines_total", "Lines that a log pack knows and that are no event.")
        self.unparsed = counter("unparsed_lines_total", "Lines that nothing could read, by reason.", "reason")
        self.malformed = counter("malformed_lines_total", "Lines with bytes that no line should have.", "reason")
        self.late = counter("late_events_total", "Events that came later than the lateness allows.")
        self.ahead = counter(
            "ahead_events_total", "Events stamped further ahead of the time of reading than clocks may be."
        )
        self.guessed = counter(
            "guessed_time_lines_total", "Lines that leave open which year, or which pass of a repeated hour, they mean."
        )
        self.unread = counter(
            "unread_values_total", "Values that their field cannot hold, by field and reason.", "field", "reason"
        )
        self.files = counter(
            "source_file_events_total",
            "What befell the files of a source: rotations, and what may have lost lines.",
            "what",
        )
        self.pushed = counter("push_requests_total", "Requests of shippers, by what became of them.", "outcome")
        self.push_refused = counter(
            "push_refused_records_total",
            "Records in these requests that could not be taken; each was answered by itself.",
        )
        self.stream_messages = gauge(
            "stream_messages", "Messages of a stream that are not settled, by state: pending are not read yet.", "state"
        )
        self.up = gauge("up", "1 where the source could be read when it was asked last, else 0.")
        self.lag_bytes = gauge("lag_bytes", "Bytes that wait in the file behind the lines read last.")
        self.lag_seconds = gauge("lag_seconds", "Age of the latest event while bytes still wait; 0 where none do.")
        self.last_event = gauge("last_event_timestamp_seconds", "Event time of the latest event; 0 before the first.")
        self.last_read = gauge(
            "last_read_timestamp_seconds", "When the source was last asked and could be read; 0 before the first time."
        )


class DetectionSeries:
    """What the rules find, and the incidents that follow."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.evaluations = Counter(
            "credwatch_rule_evaluations_total", "How many times a rule was held against an event.", registry=registry
        )
        self.detections = Counter(
            "credwatch_detections_total", "Detections that opened.", ["rule", "level"], registry=registry
        )
        self.shadow = Counter(
            "credwatch_shadow_detections_total",
            "Detections of rules in shadow mode, from which nothing follows.",
            ["rule", "level"],
            registry=registry,
        )
        self.window_rows = Gauge(
            "credwatch_window_rows", "Rows that the windows of correlations hold in memory.", registry=registry
        )
        self.dropped = Counter(
            "credwatch_window_rows_dropped_total",
            "Rows that a full window let go before their time: the oldest of the customer that has too many.",
            ["rule"],
            registry=registry,
        )
        self.profiles = Gauge("credwatch_profiles", "Accounts whose habits are kept.", registry=registry)
        self.evicted = Counter(
            "credwatch_profiles_evicted_total",
            "Accounts whose habits were given up because there were too many.",
            registry=registry,
        )
        self.latency = Histogram(
            "credwatch_detection_latency_seconds",
            "From the event that completed a detection to the commit that stored it, of what happened since the start.",
            buckets=_LONG,
            registry=registry,
        )
        self.history = Counter(
            "credwatch_history_incidents_total",
            "Incidents that opened with what was read only long after it happened.",
            ["kind"],
            registry=registry,
        )
        self.opened = Counter("credwatch_incidents_opened_total", "Incidents that opened.", ["kind"], registry=registry)
        self.open = Gauge("credwatch_incidents_open", "Incidents that are open now.", ["kind"], registry=registry)


class DutySeries:
    """What is owed to people: messages that wait, and clocks that run."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.depth = Gauge(
            "credwatch_outbox_depth",
            "Messages in the outbox: waiting, held for a person, or refused for good.",
            ["state"],
            registry=registry,
        )
        self.oldest = Gauge(
            "credwatch_outbox_oldest_age_seconds",
            "Age of the oldest message that waits; 0 where none does.",
            registry=registry,
        )
        self.oldest_held = Gauge(
            "credwatch_outbox_held_oldest_age_seconds",
            "Age of the oldest message that waits for a person to let it go; 0 where none does.",
            registry=registry,
        )
        self.deliveries = Counter(
            "credwatch_deliveries_total", "Attempts to deliver a message, by result.", ["result"], registry=registry
        )

        self.mail_down = Gauge(
            "credwatch_mail_down", "1 while the mail server takes nothing from anybody, else 0.", registry=registry
        )
        self.told = Counter(
            "credwatch_told_otherwise_total",
            "Escalations that another way than mail took or did not take while mail was down.",
            ["way", "result"],
            registry=registry,
        )

        def clocks(name: str, text: str) -> Gauge:
            return Gauge(f"credwatch_{name}", text, ["workflow"], registry=registry)

        self.remaining = clocks(
            "clock_remaining_seconds",
            "What the clock nearest its end has left, negative once it ran out; +Inf: none runs but held ones.",
        )
        self.running = clocks("clocks_running", "Clocks that run, overdue ones included.")
        self.overdue = clocks("clocks_overdue", "Clocks that ran out before their duty was met.")
        self.gate = Counter(
            "credwatch_gate_decisions_total", "Answers of the gate.", ["endpoint", "outcome"], registry=registry
        )
        self.portal = Counter(
            "credwatch_portal_requests_total",
            "Requests for the customers' pages, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self.mails = Counter(
            "credwatch_mails_total", "Mails that came in, by what became of them.", ["outcome"], registry=registry
        )


class DaemonSeries:
    """How the daemon itself fares."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.batch = Histogram(
            "credwatch_batch_duration_seconds",
            "From a chunk of lines to the end of its commit.",
            buckets=_SHORT,
            registry=registry,
        )
        self.commit = Histogram(
            "credwatch_commit_duration_seconds", "The one transaction of a batch.", buckets=_SHORT, registry=registry
        )
        self.store_failures = Counter(
            "credwatch_store_failures_total", "Reads and commits that the store refused.", registry=registry
        )
        self.store_bytes = Gauge("credwatch_store_bytes", "Size of the store.", registry=registry)
        self.rows_deleted = Counter(
            "credwatch_store_rows_deleted_total",
            "Rows of the store that were kept for long enough, by the key of [retention].",
            ["kind"],
            registry=registry,
        )
        self.part_up = Gauge(
            "credwatch_part_up", "1 where the part of the daemon lives, else 0.", ["part"], registry=registry
        )
        self.part_deaths = Counter(
            "credwatch_part_deaths_total",
            "How often a part of the daemon ended by itself; it is started again.",
            ["part"],
            registry=registry,
        )
        self.reload_success = Gauge(
            "credwatch_reload_success",
            "1 where the last load of rules and registers succeeded, else 0.",
            registry=registry,
        )
        self.reload_at = Gauge(
            "credwatch_reload_timestamp_seconds", "When rules and registers were last loaded.", registry=registry
        )
        self.ran_at = Gauge(
            "credwatch_schedule_last_run_timestamp_seconds",
            "When a task of the timetable last ended well; at first, when the daemon started.",
            ["task"],
            registry=registry,
        )
        self.clock_steps = Counter(
            "credwatch_clock_steps_total",
            "How often the clock of the machine was set.",
            ["direction"],
            registry=registry,
        )
        self.certificate_end = Gauge(
            "credwatch_certificate_end_timestamp_seconds",
            "When the certificate ends that a listener has taken up: push, or a source of syslog.",
            ["listener"],
            registry=registry,
        )
        self.started_at = Gauge("credwatch_start_timestamp_seconds", "When the daemon started.", registry=registry)
        self.watchdog = Gauge(
            "credwatch_watchdog_timestamp_seconds", "When the daemon last found itself alive.", registry=registry
        )
        self.build = Gauge(
            "credwatch_build_info",
            "Always 1; its labels say what runs.",
            ["version", "python", "polars"],
            registry=registry,
        )
