"""The gate's decisions: password rules, password history, TOTP, throttle."""
