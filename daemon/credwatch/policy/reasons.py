"""Why a password, a login or a push is refused: a code for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Language = Literal["en", "vi"]


class Reason(StrEnum):
    """Why something is refused; the values are codes in answers and events."""

    NOT_UNICODE = "not_unicode"
    CONTROL_CHARACTER = "control_character"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    DERIVED = "derived"
    PATTERN = "pattern"
    CONTEXT = "context"
    TOO_FEW_CLASSES = "too_few_classes"
    TOO_WEAK = "too_weak"
    REUSED = "reused"
    BREACHED = "breached"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    NO_SECOND_FACTOR = "no_second_factor"
    NO_RESISTANT_FACTOR = "no_resistant_factor"
    OLD_PASSWORD = "old_password"  # noqa: S105 - the name of a reason
    ASK_AGAIN = "ask_again"
    TOO_MANY_PUSHES = "too_many_pushes"


class Refusal(Struct, frozen=True):
    """One reason with the number it turns on."""

    reason: Reason
    """Why."""
    limit: int = 0
    """The profile's number that was missed; 0 where the reason has none."""
    source: str = ""
    """Where the password stands, as a breached one does; empty where the reason says all."""

    rule: str = ""
    """Which rule of the profile it follows; empty where the profile names none."""

    def under(self, rules: Mapping[str, str], *, with_mfa: bool = False) -> Refusal:
        """Name the rule that the profile has for it."""
        key = "minimum_with_mfa" if with_mfa and self.reason is Reason.TOO_SHORT else _KEYS[self.reason]
        return replace(self, rule=rules.get(key, ""))

    def sentence(self, language: Language) -> str:
        """Say the reason to the person who chose the password."""
        return _SENTENCES[self.reason][language].format(limit=self.limit)

    def spelled_out(self) -> dict[str, str | int]:
        """Return the code, the number, the rule and both sentences, as JSON values; the source where there is one."""
        source = {"source": self.source} if self.source else {}
        return source | {
            "code": self.reason.value,
            "limit": self.limit,
            "rule": self.rule or _RULES[self.reason],
            "en": self.sentence("en"),
            "vi": self.sentence("vi"),
        }


_SECTION = "NIST SP 800-63B-4, section 3.1.1.2"
_BLOCKLIST = f"{_SECTION}: blocklist"
_RULES: dict[Reason, str] = {
    Reason.NOT_UNICODE: f"{_SECTION}: Unicode",
    Reason.CONTROL_CHARACTER: f"{_SECTION}: printing characters",
    Reason.TOO_SHORT: f"{_SECTION}: minimum length",
    Reason.TOO_LONG: f"{_SECTION}: maximum length",
    Reason.COMMON: _BLOCKLIST,
    Reason.DERIVED: _BLOCKLIST,
    Reason.PATTERN: _BLOCKLIST,
    Reason.CONTEXT: _BLOCKLIST,
    Reason.BREACHED: _BLOCKLIST,
    Reason.TOO_FEW_CLASSES: "profile: require_classes",
    Reason.TOO_WEAK: "profile: minimum_zxcvbn_score",
    Reason.REUSED: "profile: remember",
    Reason.BUSY: "profile: on_failure",
    Reason.UNAVAILABLE: "profile: on_failure",
    Reason.NO_SECOND_FACTOR: "profile: mfa.required_for",
    Reason.NO_RESISTANT_FACTOR: "profile: mfa.phishing_resistant_for",
    Reason.OLD_PASSWORD: "profile: maximum_age_days",
    Reason.ASK_AGAIN: "profile: mfa.ask_again_before",
    Reason.TOO_MANY_PUSHES: "NIST SP 800-63B-4, section 3.1.3: pushes are limited",
}
"""Which rule each reason follows: of the standard, or of the customer's profile where it says no such thing."""

_KEYS: dict[Reason, str] = {
    **dict.fromkeys((Reason.NOT_UNICODE, Reason.CONTROL_CHARACTER), ""),
    Reason.TOO_SHORT: "minimum_alone",
    Reason.TOO_LONG: "maximum",
    **dict.fromkeys((Reason.COMMON, Reason.DERIVED, Reason.PATTERN, Reason.CONTEXT, Reason.BREACHED), "blocklist"),
    Reason.TOO_FEW_CLASSES: "require_classes",
    Reason.TOO_WEAK: "minimum_zxcvbn_score",
    Reason.REUSED: "remember",
    Reason.BUSY: "on_failure",
    Reason.UNAVAILABLE: "on_failure",
    Reason.NO_SECOND_FACTOR: "required_for",
    Reason.NO_RESISTANT_FACTOR: "phishing_resistant_for",
    Reason.OLD_PASSWORD: "maximum_age_days",
    Reason.ASK_AGAIN: "ask_again_before",
    Reason.TOO_MANY_PUSHES: "pushes_per_hour",
}
"""Which key of a profile asks for it."""

_SENTENCES: dict[Reason, dict[Language, str]] = {
    Reason.NOT_UNICODE: {
        "en": "The password holds characters that are not valid text.",
        "vi": "Mật khẩu chứa ký tự không hợp lệ.",
    },
    Reason.CONTROL_CHARACTER: {
        "en": "The password holds a control character, such as a tab or a line break.",
        "vi": "Mật khẩu không được chứa ký tự điều khiển như dấu tab hoặc dấu xuống dòng.",
    },
    Reason.TOO_SHORT: {
        "en": "The password needs at least {limit} characters.",
        "vi": "Mật khẩu phải có ít nhất {limit} ký tự.",
    },
    Reason.TOO_LONG: {
        "en": "The password may have at most {limit} characters.",
        "vi": "Mật khẩu không được dài quá {limit} ký tự.",
    },
    Reason.COMMON: {
        "en": "Many people use this password, so it is among the first to be guessed. Please choose another.",
        "vi": "Mật khẩu này được nhiều người dùng nên rất dễ bị đoán ra. Vui lòng chọn mật khẩu khác.",
    },
    Reason.DERIVED: {
        "en": "The password is a common word or row of keys with a little added, which is quickly guessed. "
        "Please choose another, such as several words that do not belong together.",
        "vi": "Mật khẩu chỉ là một từ hoặc dãy phím thông dụng được thêm bớt đôi chút nên rất dễ bị đoán ra. "
        "Vui lòng chọn mật khẩu khác, chẳng hạn ghép vài từ không liên quan với nhau.",
    },
    Reason.PATTERN: {
        "en": "The password is only a repetition or a row of neighbouring keys. Please choose another.",
        "vi": "Mật khẩu chỉ gồm các ký tự lặp lại hoặc liền nhau trên bàn phím. Vui lòng chọn mật khẩu khác.",
    },
    Reason.CONTEXT: {
        "en": "The password is made from your name, your e-mail address, or the name of your company or of this "
        "service. Please choose another.",
        "vi": "Mật khẩu được ghép từ tên, địa chỉ email của bạn hoặc tên công ty, tên dịch vụ. "
        "Vui lòng chọn mật khẩu khác.",
    },
    Reason.TOO_FEW_CLASSES: {
        "en": "The password needs at least {limit} of these: small letters, capital letters, digits, other characters.",
        "vi": "Mật khẩu phải có ít nhất {limit} trong 4 loại ký tự: chữ thường, chữ hoa, chữ số và ký tự khác.",
    },
    Reason.TOO_WEAK: {
        "en": "The password is too easy to guess. Please choose a longer or less usual one.",
        "vi": "Mật khẩu này quá dễ đoán. Vui lòng chọn mật khẩu dài hơn hoặc khó đoán hơn.",
    },
    Reason.BREACHED: {
        "en": "This password has been seen in a breach of some service, and such passwords are tried first. "
        "Please choose another, and change it wherever else you use it.",
        "vi": "Mật khẩu này đã bị lộ trong một vụ rò rỉ dữ liệu nên sẽ bị thử đầu tiên. "
        "Vui lòng chọn mật khẩu khác và đổi ở mọi nơi bạn đang dùng mật khẩu này.",
    },
    Reason.REUSED: {
        "en": "You have used this password before. Please choose a new one.",
        "vi": "Bạn đã từng dùng mật khẩu này. Vui lòng chọn mật khẩu mới.",
    },
    Reason.BUSY: {
        "en": "Many passwords are being checked just now. Please try again in a few seconds.",
        "vi": "Hệ thống đang kiểm tra nhiều mật khẩu cùng lúc. Vui lòng thử lại sau vài giây.",
    },
    Reason.UNAVAILABLE: {
        "en": "The password cannot be checked at present. Please try again in a few minutes.",
        "vi": "Hiện chưa thể kiểm tra mật khẩu. Vui lòng thử lại sau ít phút.",
    },
    Reason.NO_SECOND_FACTOR: {
        "en": "This account must log in with a second factor. Please set one up.",
        "vi": "Tài khoản này phải đăng nhập bằng xác thực hai lớp. Vui lòng thiết lập xác thực hai lớp.",
    },
    Reason.NO_RESISTANT_FACTOR: {
        "en": "This account must log in with a security key or a passkey; codes and pushes are not enough.",
        "vi": "Tài khoản này phải đăng nhập bằng khóa bảo mật hoặc passkey; "
        "mã dùng một lần và thông báo đẩy là chưa đủ.",
    },
    Reason.OLD_PASSWORD: {
        "en": "The password is older than {limit} days. Please choose a new one.",
        "vi": "Mật khẩu đã dùng quá {limit} ngày. Vui lòng đổi mật khẩu mới.",
    },
    Reason.ASK_AGAIN: {
        "en": "Please confirm with your second factor again: the last time was more than {limit} minutes ago.",
        "vi": "Vui lòng xác thực hai lớp lại: lần xác thực gần nhất đã quá {limit} phút.",
    },
    Reason.TOO_MANY_PUSHES: {
        "en": "You were sent {limit} requests within an hour, so no more are sent now. Please use a code instead.",
        "vi": "Bạn đã nhận {limit} yêu cầu xác nhận trong một giờ nên hệ thống tạm thời không gửi thêm. "
        "Vui lòng dùng mã xác thực.",
    },
}
