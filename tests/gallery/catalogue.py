"""What detections a monitor of credentials should have, and which rules here are each of them.

A row is a number, what is detected, the rules, and a sentence where there is none or where more is to be said.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

HEAD = """
## The catalogue, and what of it is missing

A hundred detections that a monitor of credentials should have, and the rules that are each of them. Where no rule is
named, the last column says why, or which part of the daemon does it.

| | detection | rules | |
|---|---|---|---|
"""


class Entry(Struct, frozen=True):
    """One detection of the catalogue."""

    number: int
    """Its number, 1 to 100."""
    title: str
    """What is detected."""
    rules: tuple[str, ...] = ()
    """The names of the rules that detect it, the most general first."""
    daemon: str = ""
    """The part of the daemon that does it in place of a rule."""
    missing: str = ""
    """Why nothing does it."""

    @property
    def is_there(self) -> bool:
        """Say whether it is detected."""
        return bool(self.rules or self.daemon)


def _entry(number: int, title: str, rules: str = "", daemon: str = "", missing: str = "") -> Entry:
    return Entry(number, title, tuple(rules.split()), daemon, missing)


CATALOGUE: tuple[Entry, ...] = (
    _entry(1, "brute force from one address", "brute_force_from_address"),
    _entry(2, "slow brute force", "slow_brute_force_from_address guessing_for_hours_from_address"),
    _entry(3, "guesses paced below every limit", "paced_guessing"),
    _entry(4, "brute force on one account", "brute_force_on_account_from_address guessing_one_account"),
    _entry(5, "many addresses, one account", "brute_force_on_account_from_many guessing_account_for_hours"),
    _entry(6, "spray from one address", "password_spray slow_password_spray patient_spray spray_from_shared_address"),
    _entry(7, "spray from many addresses", "distributed_spray customer_sprayed_from_many"),
    _entry(8, "lists of stolen passwords tried", "password_spray slow_password_spray leaked_password_used"),
    _entry(9, "account names tried out", "user_enumeration enumeration_then_spray"),
    _entry(10, "default names", "default_accounts_guessed default_account_logs_in"),
    _entry(11, "login behind guesses", "success_after_brute_force success_after_guessing_account"),
    _entry(12, "login from where a spray came", "success_from_spraying_address spray_entered_several"),
    _entry(13, "accounts locked", "account_lockouts account_locked_repeatedly"),
    _entry(14, "storm of lockouts", "lockout_storm customer_account_lockouts"),
    _entry(15, "closed accounts tried", "closed_account_tried"),
    _entry(16, "root over the network", "root_login_over_network default_accounts_guessed"),
    _entry(17, "wrong passwords at sudo and su", "sudo_su_failure_burst sudo_after_wrong_passwords"),
    _entry(18, "sudo by who may not", "sudo_not_in_sudoers sudo_refused_to_several"),
    _entry(19, "guesses on the host itself", "guessing_at_terminal sudo_su_failure_burst"),
    _entry(20, "guesses at databases", "guessing_at_database"),
    _entry(21, "guesses at web servers", "guessing_at_web_server"),
    _entry(22, "guesses at mail servers", "guessing_at_mail"),
    _entry(23, "guesses at VPN and remote desktop", "guessing_at_remote_access"),
    _entry(
        24,
        "more failures than is usual here",
        missing="Needs a mean and deviation for each host and hour that is learnt over weeks; fixed numbers, which"
        " settings change by customer and source, stand in its place.",
    ),
    _entry(25, "password in the place of a name", "password_as_user_name customer_password_as_user_name"),
    _entry(26, "impossible travel", "impossible_travel"),
    _entry(27, "new country", "new_country_for_privileged_account login_from_new_country"),
    _entry(28, "new provider", "login_from_anonymiser_or_hosting"),
    _entry(29, "new network or key of an account", "login_from_new_network login_with_new_device"),
    _entry(
        30,
        "account that is new on a host",
        missing="Habits are learnt of accounts, not of accounts on hosts; `login_from_new_network` and"
        " `local_account_created` tell of part of it.",
    ),
    _entry(31, "accounts of programs log in", "service_account_logs_in"),
    _entry(32, "unusual hour", "login_at_new_hour"),
    _entry(33, "new client", "login_with_new_device"),
    _entry(34, "Tor, proxies, VPN services", "login_from_anonymiser_or_hosting okta_login_by_proxy"),
    _entry(35, "addresses of attackers", "login_from_hostile_network entra_signin_from_malicious_address"),
    _entry(36, "distant sessions at once", "account_from_two_countries account_from_many_addresses"),
    _entry(37, "one session in two hands", "session_stolen"),
    _entry(38, "dormant account wakes", "dormant_account_returned"),
    _entry(39, "deleted or leaver's account used", "deleted_account_logs_in closed_account_tried"),
    _entry(40, "service account at a prompt", "service_account_logs_in"),
    _entry(41, "emergency account or root of a cloud", "emergency_account_logs_in aws_root_used vault_root_token_used"),
    _entry(42, "country where nobody should be", "login_from_refused_country"),
    _entry(43, "old protocols", "entra_signin_old_protocol m365_old_protocol"),
    _entry(44, "device code", "entra_signin_device_code"),
    _entry(45, "leaked password used", "leaked_password_used auth0_leaked_password"),
    _entry(46, "a provider's own verdict", "entra_signin_risky okta_threat_detected google_workspace_suspicious_login"),
    _entry(47, "reported by the user", "okta_suspicious_activity_reported duo_fraud_reported"),
    _entry(48, "decoys touched", "decoy_account_tried decoy_account_logs_in opencanary_login_tried"),
    _entry(49, "push bombing", "push_bombing"),
    _entry(50, "push bombing that worked", "push_bombing_then_accepted"),
    _entry(51, "push denied behind the right password", "push_denied_after_password"),
    _entry(52, "guesses at codes", "second_factor_guessing codes_guessed_on_many_accounts recovery_codes_guessed"),
    _entry(53, "second factor taken off by another", "second_factor_removed_by_other second_factors_taken_off"),
    _entry(54, "second factor not replaced", "second_factor_not_replaced"),
    _entry(55, "new factor behind a reset", "factor_added_after_reset"),
    _entry(56, "new factor from a new place", "factor_added_from_new_place"),
    _entry(
        57,
        "one telephone for several accounts",
        missing="Logs name the kind of a factor; hardly any names the telephone, and those that do mask it.",
    ),
    _entry(58, "second factors no longer asked for", "github_second_factor_not_required okta_policy_changed"),
    _entry(59, "bypass codes", "duo_bypass_code_made duo_bypass_used"),
    _entry(60, "temporary pass", "entra_audit_temporary_pass_issued"),
    _entry(
        61, "privileged login without a second factor", "login_without_due_second_factor aws_console_login_without_mfa"
    ),
    _entry(62, "phishing-resistant factor refused", "okta_phishing_declined"),
    _entry(63, "account made on a host", "local_account_created"),
    _entry(64, "second root", "uid_zero_account_created"),
    _entry(65, "added to a group of administrators", "added_to_privileged_group customer_given_admin_rights"),
    _entry(66, "made, then privileged", "created_then_privileged new_administrator_logs_in"),
    _entry(67, "made and deleted", "created_and_deleted"),
    _entry(68, "many accounts taken away", "accounts_taken_away"),
    _entry(69, "an administrator's password set by another", "root_password_set staff_change_without_authorisation"),
    _entry(70, "many resets", "many_resets_by_actor many_resets_from_address"),
    _entry(71, "reset, then a new place", "reset_then_new_place"),
    _entry(72, "address changed, then reset", "contact_changed_then_reset"),
    _entry(
        73, "administrator's role given", "added_to_privileged_group entra_audit_role_given okta_administrator_made"
    ),
    _entry(74, "role taken outside the process", "entra_audit_access_elevated entra_audit_privileged_roles_settings"),
    _entry(75, "API token made", "many_tokens_created aws_access_key_created okta_api_token_created"),
    _entry(76, "new token used elsewhere", "new_token_used_elsewhere token_from_many_addresses"),
    _entry(
        77, "secret added to an application", "entra_audit_application_secret_added gcp_service_account_key_created"
    ),
    _entry(78, "keys that may log in written", "login_keys_written"),
    _entry(79, "rules of logging in changed", "access_rules_changed"),
    _entry(80, "hashes of passwords read", "password_file_read"),
    _entry(81, "federation changed", "entra_audit_federation_changed okta_identity_provider_changed"),
    _entry(
        82,
        "login through a new identity provider",
        missing="Habits are not learnt of providers; that one was added is told by the rules of 81.",
    ),
    _entry(83, "sign-on policy weakened", "entra_audit_conditional_access_changed okta_policy_changed"),
    _entry(84, "consent to an application", "entra_audit_application_given_consent github_application_installed"),
    _entry(85, "refresh token used twice", "okta_refresh_token_reused auth0_refresh_token_reused"),
    _entry(
        86, "support or administrators act as a user", "okta_support_access onelogin_user_assumed gitlab_impersonated"
    ),
    _entry(87, "roles taken in a chain", "aws_session_made_for_others gcp_token_made_for_service_account"),
    _entry(88, "secrets read in bulk", "vault_secrets_read_in_bulk aws_secrets_read kubernetes_secrets_listed"),
    _entry(
        89,
        "secret read by who never did",
        missing="Habits are learnt of logins alone; reads in bulk are told (88).",
    ),
    _entry(90, "vault refuses again and again", "vault_refused_again_and_again vault_root_token_used"),
    _entry(91, "password manager exported", "bitwarden_vault_exported bitwarden_many_secrets_looked_at"),
    _entry(92, "secret pushed or found by a scanner", "github_secret_found aws_key_quarantined"),
    _entry(93, "search for credentials on a host", "credentials_searched"),
    _entry(94, "secrets in logs", "secret_in_log"),
    _entry(95, "keys tried by scanners", "aws_key_tried_by_scanner databricks_key_tried_by_scanner"),
    _entry(
        96,
        "a log falls silent",
        daemon="Sources have a rhythm; the daemon writes to the operators and keeps the blind interval"
        " ([operations.md](operations.md#what-was-not-seen)).",
    ),
    _entry(97, "logging stopped, records cleared", "monitoring_stopped login_records_cleared shell_history_cleared"),
    _entry(98, "forged lines", "log_injection log_line_unclear"),
    _entry(
        99,
        "clocks that jump",
        daemon="Stamps ahead of the time of reading are not believed, counted by source and alarmed"
        " (`credwatch_ahead_events_total`).",
    ),
    _entry(100, "the whole chain", "foothold_after_guessing export_after_takeover factor_removed_then_login"),
)


def catalogue_section(entries: Iterable[Entry] = CATALOGUE) -> str:
    """Write the section of docs/detections.md."""
    return HEAD + "".join(_row(entry) for entry in entries)


def _row(entry: Entry) -> str:
    rules = ", ".join(f"`{name}`" for name in entry.rules) or "–"
    said = f"**missing.** {entry.missing}" if entry.missing else entry.daemon
    return f"| {entry.number} | {entry.title} | {rules} | {said} |\n"
