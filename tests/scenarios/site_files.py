"""The files of a site: settings, registers, rules and packs, valid but for the pack that is not."""

from __future__ import annotations

SETTINGS = """
staff_profile = "default"
[daemon]
state_directory = "{folder}/state"
registers_directory = "{folder}/registers"
rules_directories = ["{folder}/rules"]
packs_directories = ["{folder}/packs"]
log_format = "json"
[[source]]
id = "servers"
paths = ["{folder}/logs/auth.log"]
format = "syslog"
read_from = "start"
[[source]]
id = "application"
paths = ["{folder}/logs/application.jsonl"]
format = "json"
read_from = "start"
[detection]
history_after = "36500d"
[contact]
phone = "+84 258 5550 0100"
[operators]
addresses = ["operators@vendor.example"]
[outbox.email]
host = "127.0.0.1"
port = {port}
security = "none"
timeout_seconds = 30
[metrics]
port = 0
[gate]
enabled = false
"""

CUSTOMERS = """
[[customer]]
id = "hai-au"
name = "Công ty Cổ phần Hải Âu"
language = "vi"
notice_addresses = ["it@haiau.example", "giam.doc@haiau.example"]
phone = "+84 258 5550 0111"
recognise = { organizations = ["hai-au"], email_domains = ["haiau.example"], users = ["quocbao"] }

[[customer]]
id = "blue-harbor"
name = "Blue Harbor Trading"
language = "en"
notice_addresses = ["security@blueharbor.example", "office@blueharbor.example"]
phone = "+84 258 5550 0112"
recognise = { organizations = ["blue-harbor"], email_domains = ["blueharbor.example"] }
"""

STAFF = """
[departments]
may_touch_customers = ["support"]
""" + "".join(
    f"""
[[staff]]
id = "{name}"
name = "{name}"
accounts = ["{name}@vendor.example"]
department = "{department}"
roles = ["{department}"]
"""
    for name, department in (("minh", "support"), ("thao", "support"), ("quang", "security"), ("yen", "legal"))
)

AUTHORISATIONS = """
[[authorisation]]
id = "order-118"
basis = "court_order"
reference = "118/2026"
issuer = "Tòa án nhân dân tỉnh Khánh Hòa"
document_sha256 = "9f2c4e1b7a6d5f8e0c3b2a1d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071"
customer = "hai-au"
accounts = ["*"]
actors = ["thao"]
actions = ["staff_access"]
valid_from = 2026-03-01T00:00:00Z
valid_until = 2026-03-04T00:00:00Z
approvers = ["quang", "yen"]
"""

RULES = """
title: Any login that failed
id: 7d2c1f0e-0001-4000-8000-000000000001
name: any_login_failed
logsource: {category: authentication}
detection:
  failed: {event.action: login, event.outcome: failure, credwatch.attempt: true}
  condition: failed
---
title: Any login that succeeded
id: 7d2c1f0e-0001-4000-8000-000000000002
name: any_login_succeeded
logsource: {category: authentication}
detection:
  succeeded: {event.action: login, event.outcome: success, credwatch.attempt: true}
  condition: succeeded
---
title: Eight failures
id: 7d2c1f0e-0001-4000-8000-000000000003
name: eight_failures
correlation:
  type: event_count
  rules: [any_login_failed]
  group-by: [source.ip]
  timespan: 2m
  condition: {gte: 8}
level: medium
credwatch: {incident: own_guessing, subject: source.ip}
---
title: Eight failures, then in
id: 7d2c1f0e-0001-4000-8000-000000000004
name: eight_failures_then_in
correlation:
  type: temporal_ordered
  rules: [eight_failures, any_login_succeeded]
  group-by: [source.ip]
  timespan: 10m
level: high
credwatch: {incident: own_break_in, subject: user.name, workflows: [customer_notice], clause: "8.2"}
"""


STEALING_PACK = """
pack: thief
title: Claims what is OpenSSH's
envelope: syslog
programs: [sshd]
constants: {event.category: authentication}
patterns:
  - name: failed
    pattern: '^Failed password for (?P<user>lan) from (?P<ip>\\S+) port 1 ssh2$'
    fields: {user: user.name, ip: source.ip}
    constants: {event.type: start, event.action: login, event.outcome: failure}
    samples:
      - line: '2026-01-01T00:00:00Z srv1 sshd[1]: Failed password for lan from 192.0.2.1 port 1 ssh2'
        gives: {user.name: lan}
"""
