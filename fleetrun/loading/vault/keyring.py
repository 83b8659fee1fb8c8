"""The passwords of one invocation, and what they open."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.loading.vault.cipher import BadMacError, decrypt, encrypt
from fleetrun.loading.vault.envelope import Envelope, EnvelopeError, parse, render
from fleetrun.loading.vault.memory import forbid_dumps
from fleetrun.model.redact import SecretBook


class VaultError(ValueError):
    """A vault text cannot be opened; `kind` is a problem's kind."""

    def __init__(self, message: str, *, kind: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.hint = hint

    def problem(self, what: str, mark: Mark | None) -> Problem:
        """This error as a problem of `what` ("this file", "this value") at `mark`."""
        return Problem(
            kind=self.kind, message=f"{what} is encrypted with Ansible Vault: {self.message}",
            mark=mark, hint=self.hint,
        )


@dataclass(frozen=True, slots=True)
class VaultSecret:
    """One password and the label that it goes by; repr never shows it."""

    label: str
    password: bytes = field(repr=False)


class Vault:
    """Opens and seals with its secrets, tried in their order.

    Attributes:
        secrets: The passwords, as given.
        sources: Where they came from, as `open_vault` was told.
        known: Every text that was opened; sinks must not show them.
        texts: The encrypted text of each single value that was opened.
    """

    def __init__(
        self, secrets: Sequence[VaultSecret] = (), *, must_match_label: bool = False,
        sources: Sequence[str] = (),
    ) -> None:
        self.secrets = tuple(secrets)
        self.sources = tuple(sources)
        self.known = SecretBook()
        self.texts: dict[str, str] = {}
        self._must_match = must_match_label
        if self.secrets:
            forbid_dumps()

    def open(self, text: str | bytes) -> bytes:
        """Returns what a vault text holds. Raises VaultError."""
        return self.open_with(text)[0]

    def open_with(self, text: str | bytes) -> tuple[bytes, VaultSecret]:
        """Returns what a vault text holds and the secret that opened it. Raises VaultError."""
        try:
            envelope = parse(text)
        except EnvelopeError as exc:
            raise VaultError(
                str(exc), kind="input/vault-format", hint="restore the text from a backup"
            ) from exc
        if not self.secrets:
            raise VaultError(
                "no vault password was given", kind="input/vault-no-password",
                hint="give one with --vault-password-file FILE, --vault-id or --ask-vault-pass",
            )
        for secret in self._order(envelope.label):
            try:
                plain = decrypt(
                    envelope.salt, envelope.mac, envelope.ciphertext, secret.password
                )
            except BadMacError:
                continue
            return plain, secret
        raise self._wrong_password(envelope.label)

    def _order(self, label: str) -> list[VaultSecret]:
        """Those with the text's own label first, as they will most probably fit."""
        fitting = [secret for secret in self.secrets if label and secret.label == label]
        others = [secret for secret in self.secrets if secret not in fitting]
        return fitting if self._must_match and label else fitting + others

    def _wrong_password(self, label: str) -> VaultError:
        tried = ", ".join(f"`{secret.label}`" for secret in self.secrets)
        wanted = f" (its label is `{label}`)" if label else ""
        return VaultError(
            f"the HMAC does not match{wanted}: the password is wrong, or the text was changed",
            kind="input/vault-password", hint=f"tried the vault ids {tried}",
        )

    def find(self, label: str) -> VaultSecret | None:
        """Returns the first secret of that label; the first of all for ""."""
        return next(
            (secret for secret in self.secrets if not label or secret.label == label), None
        )

    def hide(self, text: str) -> None:
        """Notes a text that no sink may show."""
        self.known.add(text)


def seal(plain: bytes, secret: VaultSecret, *, label: str = "", salt: bytes | None = None) -> str:
    """Returns a vault text of `plain`, with `label` in its header unless it is "default"."""
    label = "" if label == "default" else label
    salt, mac, ciphertext = encrypt(plain, secret.password, salt)
    return render(Envelope(salt=salt, mac=mac, ciphertext=ciphertext, label=label))


_CURRENT: ContextVar[Vault] = ContextVar("fleetrun_vault")


def current_vault() -> Vault:
    """Returns the vault in use; one without passwords when none was set."""
    vault = _CURRENT.get(None)
    if vault is None:
        vault = Vault()
        _CURRENT.set(vault)
    return vault


def use_vault(vault: Vault) -> None:
    """Makes `vault` the one that files are opened with from now on."""
    _CURRENT.set(vault)


def open_text(content: bytes, file: str) -> bytes:
    """Returns what an encrypted file holds. Raises InputError at its first line."""
    try:
        return current_vault().open(content)
    except VaultError as exc:
        raise InputError([
            exc.problem("this file", Mark(file=file, line=1, length=14))
        ]) from exc
