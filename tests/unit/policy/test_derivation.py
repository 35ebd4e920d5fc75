"""Known words in disguise are refused; passphrases and random texts that happen to hold a word are not."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.secret import Secret
from credwatch.policy.blocklist import load_blocklist
from credwatch.policy.context import PasswordContext
from credwatch.policy.keystrokes import from_telex, from_vni
from credwatch.policy.password import PasswordRefused, check_password
from credwatch.policy.profile import PasswordProfile

BLOCKLIST = load_blocklist()
LAN = PasswordContext(
    user="nguyen.thilan",
    email="ketoan@hoasen.example",
    organization="hoasen",
    customer="Công ty TNHH Hoa Sen",
    service="MODORO",
)

REFUSED = """
password1234567
password 123456789
ｐａｓｓｗｏｒｄ　１２３４５６７８９
Password@12345678
PASSWORD-20242024
PaSsWoRd987654321
password8301746
password......2024
password!!!!!!!!!
1234567password
2024-password-2024
123456password123456
p4ssw0rd1234567
P@ssw0rd!2024!!
P@$$w0rd2024!!!!
pa55word20202020
drowssap1234567
7654321drowssap
p a s s w o r d 2 0 2 4
p.a.s.s.w.o.r.d.1.2.3
p-a-s-s-w-o-r-d-99
passwordpassword2
password2024password
Password1Password2
passssswwwoordd1234
ppaasssswwoorrdd
password12/05/1990
password_19900512
password05121990!
Passwort123456789
motdepasse123456
contrasena123456
administrator2024
Administrator@123
adminadminadmin1
admin123admin123
admin@1234567890
Admin!Admin!2025
superadmin123456
rootroot12345678
welcome123456789
Welcome2024!!!!!
Welcome@@@20252025
letmein123456789
LetMeIn!LetMeIn!
l3tm31n123456789
iloveyou1234567
ILoveYou20242024
1l0v3y0u1234567
iloveyouiloveyou1
uoyevoli20242024
changeme2024!!!!
ChangeMe@1234567
secret1234567890
secretsecret1234
master1234567890
qwerty123qwerty123
qwerty1234567890
qwertyuiop123456
qwertyuiop[]1234
QwertyAsdfgh1234
asdfghjkl;'12345
asdfghjkl1234567
zaq12wsxcde34rfv
zaq1xsw2cde3vfr4
1qaz@WSX3edc$RFV
!QAZ2wsx#EDC4rfv
1qaz2wsx1qaz2wsx3
qazwsxedc1234567
q1w2e3r4t5y6u7i8
1q2w3e4r5t6y7u8i9
poiuytrewq098765
mnbvcxzlkjhgfdsa
azertyuiop123456
qweasdzxc1234567
147258369147258
789456123789456
abcdefghijklmnop123
abcdefgh12345678
abcd1234abcd1234!
a1b2c3d4e5f6g7h8
zyxwvutsrqp98765
abcabcabcabcabd
qwe123qwe123qwe
abc123abc123abc1
123abc123abc1234
aabbccddeeffgghh
112233445566778899
aaaabbbbccccdddd
111122223333444
aaaaaaaaaaaaaaa1
aaaaaaaaaaaaaaaaaaaaaab
11111111111111a
000000000000000
123123123123123a
123456789123456
987654321987654
1234567890abcdef
12345qwert12345
135791357913579
19900512 19851231
1990051219900512a
12051990120519901
19/05/1990 1990
01011990010119901
2024202420242024
20202021202220232024
dragon123456789
dragon2024dragon
dr4g0n123456789
nogard123456789
monkey!monkey!123
princess20242024
sunshine@27111985
SunShine12345678
football20242024
f00tb4ll12345678
baseball98765432
superman19871987
Batman@@123456789
elephant19870412
chocolate1234567
butterfly1234567
computer20242024
Computer@123456
Michael19850412!
jennifer12345678
samsung123456789
facebook@2024!!!
google1234567890
iphone15iphone15
summer2024summer
Summer@@2024!!!!
Winter!2025!2025
October2024!!!!!
monday123456789
thisismypassword2024
this is my password 1
mypassword2024!!
newpassword20242025
matkhau12345678
matkhau matkhau 2024
Mật khẩu 123456789
Mật Khẩu của tôi 2024
MatKhau@20242024
m4tkh4u123456789
uahktam123456789
matkhaucuatoi2024!
maatj khaaur 123
maatj khaaur 123456
maatjkhaaur12345
matajkhauar2024!
Maatj Khaaur @2024
ma65t kha63u 123
ma65tkha63u12345
mat65 khau63 2024
MA65T KHA63U 2025
vieejt nam 2024 2024
xinchao123456789
xin chào 123456789
xinchaovietnam2024
vietnam@@@20242024
Việt Nam 2024 2024
VietNam1234567890
hanoi1234567890
saigon@20242025
danang123456789
anhyeuem12345678
anh yêu em 123456
anhyeuemanhyeuem
4nhy3u3m12345678
emyeuanh20242024
giadinh123456789
hanhphuc20242024
ketoan1234567890
quantri@12345678
dangnhap20242024
congty1234567890
phattai68686868
nguyenvana123456
nguyen1234567890
modoropassword123
modoro qwerty 2024
MODORO@@20242024
M0d0r0-1234567890
modoromodoro2024
orodom123456789
ＭＯＤＯＲＯ２０２４２０２４２０２４
hoasen12345abcde
HoaSen@Summer2024
Hoa Sen 19900512
hoa5en-password-1
nguyenthilan@123
ketoan@hoasen2024
"""

ALLOWED = """
giraffes paint blue fences
purple monkey eats seventeen pianos
correct donkey battery paperclip
seven dragons sleep under hanoi
old winter boots smell bad
summer rain on tin roofs
my cat and the dog sing
blue elephant dances slowly
password managers are quite handy
welcome rain after long drought
the admin forgot his umbrella
green tea with lemon and salt
never trust a smiling goose
marble kitchen violin thunder
copper lantern quiet orchard
tractor velvet nineteen harbour
window-cactus-parade-biscuit
Bicycle.Walnut.Harbor.Quartz
cobalt_ferret_jigsaw_opera
two spoons of honest pepper
lighthouse keepers never oversleep
grandma bakes plum cake on sundays
rusty anchors sink without regret
lowercaseonlyjustworks
thefoxateninechickens
umbrellafactoryholiday
wehadsouponthebalcony
con meo den ngu tren mai nha
con mèo đen ngủ trên mái nhà
troi mua thi o nha doc sach
trời mưa thì ở nhà đọc sách
mưa rơi trên phố cũ
trăng sáng soi đường làng
kỳ lân uống trà đá lúc nửa đêm
kỳ lân uống trà
ba con ga trong vuon xoai
chiếc thuyền giấy trôi qua cầu
qua trung vang tren ban go
bốn mùa hoa nở ven sông
em be ve con rong mau tim
ong noi trong cay na sau he
gió thổi lá bay khắp sân trường
mua dong uong ca phe muoi
hai chu vit bo i tren ao
đi bộ quanh hồ lúc bình minh
ruong bac thang mua lua chin
mật khẩu này dài như sông hồng
aB3$kX9!pQ7&zW1
x9Lq-dragon-V7mp2
tR7password!xQ9z2
qK4mZ8vT1xW6bN3
k3#9x!2pQm8$w1z
zpxkqvwjrmtghbd
Vq7!mtkWz3@pLx0
7fQ-monkey-2kZx9w
hJ6summer&kQ0pVx8
wxQzadminKp83Lmv
314159265358979
gT5^rE8*yU2(oP9
nwqkzsunshinexpvt
m7Rk2Vq9Xc4Tz8Lp
4bf1e09c7ad35826
KZ7M-QX4T-W9RB-2HVN
ɱôț đâu ñhư thế kia
😀🐘🌵🚲🎻🧊🍉🪁🦑🎈🧵🧶🥁🎯🧭
чайник летит над крышей
ketoan and a tall giraffe
modoro helps us count sheep
hoasen gardens bloom at night
"""


def refused(password: str) -> bool:
    """Tell whether the default profile refuses a password for Lan."""
    verdict = check_password(Secret(password), LAN, PasswordProfile(), BLOCKLIST)
    return isinstance(verdict, PasswordRefused)


def listed(table: str) -> list[str]:
    """Read one password a line."""
    return table.strip().splitlines()


@pytest.mark.parametrize("password", listed(REFUSED))
def test_disguises_are_refused(password: str) -> None:
    """Words, rows of keys and names are refused in each of their disguises, though all are fifteen characters long."""
    assert len(unicodedata.normalize("NFC", password)) >= 15
    assert refused(password)


@pytest.mark.parametrize("password", listed(ALLOWED))
def test_passphrases_and_random_texts_are_allowed(password: str) -> None:
    """Several words that do not belong together, in English and Vietnamese, and random texts around a word pass."""
    assert not refused(password)


def test_the_tables_are_large() -> None:
    """At least 150 passwords are refused and 60 allowed, none of them named twice."""
    assert len(set(listed(REFUSED))) == len(listed(REFUSED)) >= 150
    assert len(set(listed(ALLOWED))) == len(listed(ALLOWED)) >= 60


@pytest.mark.parametrize("tail", ["a" * 900, "1234567890" * 90, " " * 900, "!@" * 450, "password" * 110])
def test_length_alone_helps_nobody(tail: str) -> None:
    """A word with hundreds of repeated marks behind it stays a word."""
    assert refused("password" + tail)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["password", "welcome", "dragon", "matkhau", "vietnam", "modoro"]),
    st.sampled_from(["123456789", "20242024", "@@@123456", "19900512", "qwertyuio", "!!!!!!!!!!!!", "777777777"]),
    st.sampled_from([str.upper, str.title, str.swapcase, lambda text: text[::-1], lambda text: text + text]),
    st.sampled_from(["", " ", "-", "."]),
)
def test_disguises_combine(word: str, tail: str, disguise: object, between: str) -> None:
    """A word stays refused when letter case, order, doubling, separator and tail change together."""
    assert callable(disguise)
    password = disguise(word) + between + tail
    assert refused(password.ljust(15, "1"))


@pytest.mark.parametrize(
    ("keys", "letters"),
    [
        ("maatj khaaur", "mat khau"),
        ("matjkhaaur", "matkhau"),
        ("anh yeeu em", "anh yeu em"),
        ("ddawng nhaajp", "dang nhap"),
        ("vieetj nam", "viet nam"),
    ],
)
def test_telex_is_read(keys: str, letters: str) -> None:
    """Doubled letters, w and tone keys of Telex come off, wherever in the syllable the tone is typed."""
    assert letters == from_telex(keys)


@pytest.mark.parametrize(
    ("keys", "letters"),
    [("ma65t kha63u", "mat khau"), ("mat65 khau63 2024", "mat khau 2024"), ("vie65t nam", "viet nam")],
)
def test_vni_is_read(keys: str, letters: str) -> None:
    """Digits of VNI come off within and behind a syllable, and digits that stand alone stay."""
    assert letters == from_vni(keys)
