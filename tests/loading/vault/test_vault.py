"""Ansible Vault's format: read as Ansible wrote it, refused when it was changed.

The files under golden/ were made by ansible-vault of ansible-core 2.19.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.errors import InputError, UsageError
from fleetrun.loading.inventory import load_inventory
from fleetrun.loading.vault import (
    Vault,
    VaultError,
    VaultSecret,
    current_vault,
    open_vault,
    seal,
    use_vault,
    vault_sources,
)
from fleetrun.loading.vault.memory import forbid_dumps
from fleetrun.loading.vault.values import sealed, unsealed
from fleetrun.loading.yamlfile import as_operator_text, load_yaml_text, read_yaml
from fleetrun.model.redact import MASK, Redactor
from fleetrun.model.values import SecretText, TemplateText

GOLDEN = Path(__file__).parent / "golden"
SECRET = VaultSecret("default", b"pw")
BOTH = (f"default@{GOLDEN}/password", f"prod@{GOLDEN}/other")


@pytest.fixture(autouse=True)
def vault() -> Vault:
    """The vault in use, with both passwords."""
    use_vault(open_vault(BOTH))
    return current_vault()


@pytest.mark.parametrize("name", ["file-1.1.yml", "file-1.2.yml"])
def test_a_file_that_ansible_encrypted_is_read(name: str) -> None:
    """Both formats give the values of the plain file."""
    assert read_yaml(GOLDEN / "plain.yml").value == read_yaml(GOLDEN / name).value


def test_texts_of_an_encrypted_file_are_secrets_at_any_depth(vault: Vault) -> None:
    """Texts are hidden, numbers of four digits too; a template stays one."""
    value = read_yaml(GOLDEN / "file-1.1.yml").value
    assert isinstance(value, dict)
    assert SecretText is type(value["db_password"])
    assert SecretText is type(value["nested"]["list"][0])
    assert "db_password" not in list(vault.known)  # names are no secrets
    assert TemplateText is type(value["url"])
    cleaner = Redactor((), vault.known)
    shown = "tr0ub4dor & 3, 54321, deep secret, https://u:hunter2hunter2@gw/"
    assert f"{MASK}, {MASK}, {MASK}, {MASK}gw/" == cleaner.text(shown)


def test_an_inline_value_of_ansible_is_a_secret_and_no_template(vault: Vault) -> None:
    """As in Ansible, what stands behind !vault is never rendered."""
    value = read_yaml(GOLDEN / "inline.yml").value
    assert value == {"token": "hidden gräße {{ x }}"}
    assert SecretText is type(value["token"])
    assert "hidden gräße {{ x }}" in list(vault.known)


def test_binary_and_empty_files_of_ansible_are_read(vault: Vault) -> None:
    """What was encrypted need be no text."""
    assert b"\xff" * 1000 == vault.open((GOLDEN / "binary.bin").read_bytes())
    assert vault.open((GOLDEN / "empty.bin").read_bytes()) == b""


@given(plain=st.binary(max_size=200), label=st.sampled_from(["", "prod"]))
@settings(max_examples=25, deadline=None)
def test_what_was_sealed_opens_again(plain: bytes, label: str) -> None:
    """Any bytes come back, in both formats."""
    text = seal(plain, SECRET, label=label, salt=b"s" * 32)
    assert Vault([SECRET]).open(text) == plain


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_is_always_noticed(data: st.DataObject) -> None:
    """No other digit in the body gives another value (S-07); 4a and 4A are the same."""
    text = seal(b"hello", SECRET, salt=b"s" * 32)
    start = text.index("\n") + 1
    places = [at for at in range(start, len(text)) if text[at] != "\n"]
    at = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in "0123456789abcdef" if d != text[at]]))
    try:
        opened = Vault([SECRET]).open(text[:at] + digit + text[at + 1:])
    except VaultError:
        return
    inner = bytes.fromhex(text[start:].replace("\n", ""))
    changed = bytes.fromhex((text[:at] + digit + text[at + 1:])[start:].replace("\n", ""))
    assert opened == b"hello"
    assert inner.lower() == changed.lower()


@pytest.mark.parametrize("cut", [10, 26, 40, 200, 300])
def test_a_cut_off_text_is_an_error(cut: int) -> None:
    """Whatever is missing, nothing else is raised."""
    with pytest.raises(VaultError):
        Vault([SECRET]).open(seal(b"hello", SECRET)[:cut])


def test_a_wrong_password_names_file_and_line_and_gives_no_values(tmp_path: Path) -> None:
    """Of a file its first line, of a value its own; all of them at once (S-07)."""
    use_vault(Vault([SECRET]))
    path = tmp_path / "vars.yml"
    text = (GOLDEN / "inline.yml").read_text(encoding="utf-8")
    path.write_text("a: 1\n" + text + text.replace("token", "other"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    lines = [problem.mark.line for problem in caught.value.problems if problem.mark]
    assert lines == [2, 2 + text.count("\n")]
    assert {problem.kind for problem in caught.value.problems} == {"input/vault-password"}
    assert "its label is `prod`" in caught.value.problems[0].message
    with pytest.raises(InputError, match=r"file-1\.1\.yml:1.*HMAC does not match"):
        read_yaml(GOLDEN / "file-1.1.yml")


def test_without_a_password_the_error_says_how_to_give_one() -> None:
    """It is another error than a wrong one."""
    use_vault(Vault())
    with pytest.raises(InputError) as caught:
        read_yaml(GOLDEN / "file-1.1.yml")
    assert caught.value.kind == "input/vault-no-password"
    assert "--vault-password-file" in caught.value.hint


def test_words_of_an_encrypted_task_file_are_not_hidden(vault: Vault, tmp_path: Path) -> None:
    """Hiding `command` and `present` would make every report unreadable."""
    path = tmp_path / "tasks.yml"
    path.write_text(seal(b"- command: uptime\n", vault.secrets[0]), encoding="utf-8")
    assert read_yaml(path).value == [{"command": "uptime"}]
    assert len(vault.known) == 0


def test_a_program_gives_the_password_and_a_client_is_told_the_label(tmp_path: Path) -> None:
    """Only a name that ends in -client gets --vault-id."""
    plain, client = tmp_path / "pass.sh", tmp_path / "pass-client.sh"
    for script in (plain, client):
        script.write_text("#!/bin/sh\necho \"got:$*\"\n", encoding="utf-8")
        script.chmod(0o755)
    vault = open_vault((f"prod@{plain}", f"prod@{client}"))
    assert [s.password for s in vault.secrets] == [b"got:", b"got:--vault-id prod"]


def test_a_prompt_asks_once_or_twice_for_a_new_password() -> None:
    """Two that differ are an error."""
    asked: list[str] = []
    answers = iter(["one", "one", "one", "two"])

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    assert open_vault(("a@prompt",), ask=ask).secrets[0].password == b"one"
    asked.clear()
    answers = iter(["one", "one", "one", "two"])
    open_vault(("a@prompt_ask_vault_pass",), ask=ask, confirm=True)
    assert asked == ["New vault password: ", "Confirm new vault password: "]
    with pytest.raises(UsageError, match="differ"):
        open_vault(("a@prompt",), ask=ask, confirm=True)


@pytest.mark.parametrize(
    ("content", "wanted"), [("", "gives no password"), (None, "No such file")]
)
def test_a_password_file_that_says_nothing_is_an_error(
    content: str | None, wanted: str, tmp_path: Path
) -> None:
    """Before anything runs."""
    if content is not None:
        (tmp_path / "pw").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=wanted):
        open_vault((f"a@{tmp_path}/pw",))


def test_a_failing_password_program_is_an_error_without_its_secrets(tmp_path: Path) -> None:
    """What it says on stderr is shown, what looks like a secret is not."""
    script = tmp_path / "p.sh"
    script.write_text("#!/bin/sh\necho 'denied password=abc123' >&2\nexit 3\n", encoding="utf-8")
    script.chmod(0o755)
    with pytest.raises(UsageError, match=r"exit status 3: denied password=\*\*\*"):
        open_vault((f"a@{script}",))


def test_sources_come_from_flags_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's list first; its file only when no flag names one."""
    monkeypatch.chdir("/")
    environ = {"ANSIBLE_VAULT_IDENTITY_LIST": "dev@d, prod@prompt",
               "ANSIBLE_VAULT_PASSWORD_FILE": "pw"}
    assert vault_sources(ids=("x@y",), environ=environ) == (
        "dev@/d", "prod@prompt", "x@/y", "default@/pw"
    )
    assert vault_sources(files=("f",), environ={"ANSIBLE_VAULT_PASSWORD_FILE": "pw"}) == (
        "default@/f",
    )
    assert vault_sources(ask=True, environ={}) == ("default@prompt_ask_vault_pass",)


def test_the_label_decides_which_password_is_tried_first(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others follow, unless ANSIBLE_VAULT_ID_MATCH forbids it."""
    text = seal(b"x", SECRET, label="prod")
    mislabelled = Vault([VaultSecret("prod", b"other"), VaultSecret("dev", b"pw")])
    assert mislabelled.open(text) == b"x"
    strict = Vault(mislabelled.secrets, must_match_label=True)
    with pytest.raises(VaultError):
        strict.open(text)


def test_secrets_of_extra_vars_are_kept_encrypted(vault: Vault) -> None:
    """What the journal gets gives the values back, and shows none of them."""
    vault.hide("hunter22")
    extra = {
        "a": SecretText("one"), "b": ["x", {"c": SecretText("two")}],
        "d": as_operator_text("hunter22 {{ x }}"), "e": 5,
    }
    kept = sealed(extra, vault)
    assert not any(word in repr(kept) for word in ("one", "two", "hunter22"))
    back = unsealed(kept)
    assert back == extra
    assert TemplateText is type(back["d"])  # type: ignore[index,call-overload]  # a mapping


def test_dumps_of_the_process_are_forbidden() -> None:
    """PR_GET_DUMPABLE (3) says so once a vault has a password (S-04)."""
    assert forbid_dumps()
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0


@pytest.mark.parametrize(
    "form", ["{sealed}", "a: !vault |\\n{indented}", "__ansible_vault: |\\n{indented}"]
)
def test_text_of_a_device_has_nothing_decrypted(form: str, vault: Vault) -> None:
    """A device that knows an encrypted text must not get to know what it holds."""
    sealed_text = seal(b"hunter22", vault.secrets[0])
    indented = "".join(f"  {line}\n" for line in sealed_text.splitlines())
    text = form.replace("{sealed}", sealed_text).replace("{indented}", indented)
    try:
        value = load_yaml_text(text)
    except InputError as error:
        value = error.problems
    assert "hunter22" not in repr(value)
    assert len(vault.known) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hosts.ini", "[web]\ngw-1 pw=hunter22 tmpl='{{ x }}'\n[web:vars]\nsite=berlin\n"),
        ("hosts", "[web]\ngw-1 pw=hunter22 tmpl='{{ x }}'\n[web:vars]\nsite=berlin\n"),
        ("hosts.csv", "name,groups,pw,tmpl\ngw-1,web,hunter22,{{ x }}\n"),
        ("hosts.yml", "web: {hosts: {gw-1: {pw: hunter22, tmpl: '{{ x }}'}}}\n"),
        ("fleet", "web:\n  hosts: {gw-1: {pw: hunter22, tmpl: '{{ x }}'}}\n"),
    ],
)
def test_an_encrypted_inventory_is_read_and_its_values_are_secrets(
    name: str, text: str, vault: Vault, tmp_path: Path
) -> None:
    """Of any kind; the names of devices are none."""
    (tmp_path / name).write_text(seal(text.encode(), vault.secrets[0]), encoding="utf-8")
    inventory = load_inventory([str(tmp_path / name)])
    values = inventory.devices["gw-1"].layers.source
    assert inventory.groups["web"].devices == ("gw-1",)
    assert (SecretText, TemplateText) == (type(values["pw"]), type(values["tmpl"]))
    assert "hunter22" in list(vault.known)
    assert "gw-1" not in list(vault.known)


@pytest.mark.parametrize("name", ["hosts.ini", "hosts.csv", "hosts.yml"])
def test_an_encrypted_inventory_needs_its_password(name: str, tmp_path: Path) -> None:
    """One problem, at the file."""
    (tmp_path / name).write_text(seal(b"a: 1\n", SECRET), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_inventory([str(tmp_path / name)])
    assert [p.kind for p in caught.value.problems] == ["input/vault-password"]
