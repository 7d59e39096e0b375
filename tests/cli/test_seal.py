"""Signatures, time-stamps and what verify makes of them; each is checked with openssl too."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from images import MIB, make_disk

KEYS = {"ed25519": ["ed25519"], "rsa": ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"], "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_key(folder, kind="ed25519", name="key") -> tuple:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    openssl("genpkey", "-algorithm", *KEYS[kind], "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A disk, a key, and an image signed with it; tests work on copies."""
    from rig import kanshiki
    folder = tmp_path_factory.mktemp("seal")
    private, _ = make_key(folder)
    make_disk(folder / "source", 3 * MIB + 512)
    kanshiki("acquire", folder / "source", "-o", folder / "disk.img", "--sign", private, "--case", "7").expect(0)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    for file in made.iterdir():
        shutil.copy(file, tmp_path)
        (tmp_path / file.name).chmod(0o600)
    return tmp_path


def flip(path, offset):
    whole = bytearray(path.read_bytes())
    whole[offset] ^= 1
    path.write_bytes(whole)


def verify(kanshiki, folder, *more, code=0):
    return kanshiki("verify", folder / "disk.img", "--json", "--no-record", *more).expect(code).json


def stamp(kanshiki, folder, url, *more):
    return kanshiki("seal", folder / "disk.img", "--timestamp", url, "--json", *more)


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_checks_what_we_sign(kanshiki, tmp_path, kind):
    private, public = make_key(tmp_path, kind)
    make_disk(tmp_path / "source", MIB)
    done = kanshiki("acquire", tmp_path / "source", "-o", tmp_path / "disk.img", "--sign", private, "--json").expect(0).json
    manifest = tmp_path / "disk.img.manifest.json"
    how = [] if kind == "ed25519" else ["-digest", "sha256"]
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", *how, "-in", manifest, "-sigfile", f"{manifest}.sig")
    der = openssl("pkey", "-pubin", "-in", public, "-outform", "DER").stdout
    digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True).stdout.split()[0].decode()
    assert done["signed_by"] == f"SHA256:{digest}"
    result = kanshiki("verify", tmp_path / "disk.img", "--trust-key", public, "--require-signature", "--json").expect(0).json
    assert result["verdict"] == "authentic"


def test_only_a_trusted_key_makes_it_authentic(kanshiki, folder):
    _, other = make_key(folder, name="other")
    assert verify(kanshiki, folder)["verdict"] == "consistent only"
    assert verify(kanshiki, folder, "--trust-key", folder / "key.pub")["verdict"] == "authentic"
    assert verify(kanshiki, folder, "--trust-key", other, "--trust-key", folder / "key.pub")["verdict"] == "authentic"
    result = verify(kanshiki, folder, "--trust-key", other)
    assert result["verdict"] == "consistent only" and any("none of those given as trusted" in note for note in result["notes"])
    assert verify(kanshiki, folder, "--trust-key", other, "--require-signature", code=10)["exit"] == 10
    assert verify(kanshiki, folder, "--require-signature", code=10)["verdict"] == "consistent only"


def test_a_signature_by_another_key_with_the_key_beside_it_missing_is_no_signature(kanshiki, folder):
    _, other = make_key(folder, name="other")
    (folder / "disk.img.manifest.json.pub").unlink()
    assert verify(kanshiki, folder, "--trust-key", folder / "key.pub")["verdict"] == "authentic"
    assert verify(kanshiki, folder, "--trust-key", other, code=10)["verdict"] == "altered"


@pytest.mark.parametrize("suffix", [".manifest.json", ".manifest.json.sig", ".manifest.json.pub", ".chunks", ".log.jsonl", ".map", ""])
def test_what_is_altered_after_the_signature_is_found(kanshiki, folder, suffix):
    path = folder / f"disk.img{suffix}"
    flip(path, path.stat().st_size // 2)
    trusted = verify(kanshiki, folder, "--trust-key", folder / "key.pub", code=10)
    assert trusted["verdict"] == "altered" and any(damage["file"].startswith("disk.img") for damage in trusted["damage"])
    assert verify(kanshiki, folder, code=10)["verdict"] == "altered"


def test_all_files_rewritten_together_do_not_pass_for_the_signed_ones(kanshiki, folder):
    signature = (folder / "disk.img.manifest.json.sig").read_bytes()
    flip(folder / "source", 700)
    kanshiki("acquire", folder / "source", "-o", folder / "disk.img", "--force").expect(0)
    (folder / "disk.img.manifest.json.sig").write_bytes(signature)
    result = verify(kanshiki, folder, "--trust-key", folder / "key.pub", code=10)
    assert [damage["file"] for damage in result["damage"]] == ["disk.img.manifest.json.sig"]


@pytest.mark.parametrize("key, code, words", [("absent", 2, "absent"), ("disk.img.map", 2, "no private key"), ("key.pub", 2, "no private key"),
                                              ("locked.pem", 6, "needs a passphrase")])
def test_a_key_that_will_not_do_is_found_out_before_anything_is_read(kanshiki, folder, key, code, words):
    openssl("pkey", "-in", folder / "key.pem", "-aes256", "-passout", "pass:geheim", "-out", folder / "locked.pem")
    done = kanshiki("acquire", folder / "source", "-o", folder / "new.img", "--sign", folder / key).expect(code)
    assert words in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(folder.glob("new.img*"))


def test_a_passphrase_comes_from_a_file(kanshiki, folder):
    openssl("pkey", "-in", folder / "key.pem", "-aes256", "-passout", "pass:geheim", "-out", folder / "locked.pem")
    (folder / "pass").write_text("geheim\n")
    (folder / "wrong").write_text("offen\n")
    arguments = ["acquire", folder / "source", "-o", folder / "new.img", "--sign", folder / "locked.pem", "--sign-pass-file"]
    assert "does not open it" in kanshiki(*arguments, folder / "wrong").expect(6).stderr
    kanshiki(*arguments, folder / "pass").expect(0)


def test_seal_signs_later_and_replaces_only_when_told(kanshiki, folder):
    private, public = make_key(folder, name="late")
    assert "--force" in kanshiki("seal", folder / "disk.img", "--sign", private).expect(2).stderr
    kanshiki("seal", folder / "disk.img", "--sign", private, "--force").expect(0)
    assert verify(kanshiki, folder, "--trust-key", public)["verdict"] == "authentic"
    acts = [json.loads(line) for line in (folder / "disk.img.custody.jsonl").read_text().splitlines()]
    assert [act["event"] for act in acts] == ["start", "seal"] and acts[1]["signed_by"].startswith("SHA256:")
    assert "nothing to do" in kanshiki("seal", folder / "disk.img").expect(2).stderr
    assert "--sign" in kanshiki("acquire", folder / "source", "-o", folder / "x.img", "--timestamp", "http://x").expect(2).stderr


def test_a_timestamp_at_the_acquisition(kanshiki, tmp_path, tsa):
    private, public = make_key(tmp_path)
    make_disk(tmp_path / "source", MIB)
    authority = tsa()
    done = kanshiki("acquire", tmp_path / "source", "-o", tmp_path / "disk.img", "--sign", private, "--timestamp", authority.url,
                    "--tsa-ca", authority.ca, "--json").expect(0).json
    signature = tmp_path / "disk.img.manifest.json.sig"
    openssl("ts", "-verify", "-in", f"{signature}.tsr", "-data", signature, "-CAfile", authority.ca)
    chain = Path(f"{signature}.chain.pem").read_text()
    assert chain.count("BEGIN CERTIFICATE") == 2 and chain.count("BEGIN X509 CRL") == 1
    assert done["timestamp"].endswith("Z")
    result = verify(kanshiki, tmp_path, "--trust-key", public, "--trust-cert", authority.ca)
    assert result["verdict"] == "authentic" and not result["not_checked"]
    assert f"time-stamp of the signature: {done['timestamp']}" in result["checked"]
    assert any("trusted authority CN=Test Authority" in line for line in result["checked"])
    without = verify(kanshiki, tmp_path, "--trust-key", public)
    assert any("--trust-cert" in one["why"] for one in without["not_checked"])


@pytest.mark.parametrize("mode, words", [("rejects", "refused"), ("garbage", "no time-stamp reply"), ("huge", "more than 1048576 bytes"),
                                         ("error", "HTTP status 500"), ("other", "another digest"), ("nonce", "nonce"),
                                         ("silent", "timed out"), ("nobody", "connect")])
def test_an_authority_that_fails_leaves_complete_evidence(kanshiki, folder, tsa, mode, words):
    url = "http://127.0.0.1:1/" if mode == "nobody" else tsa(mode).url
    done = kanshiki("acquire", folder / "source", "-o", folder / "new.img", "--sign", folder / "key.pem", "--timestamp", url,
                    "--tsa-timeout", "1" if mode == "silent" else "30").expect(7)
    assert words in done.stderr and "kanshiki seal" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    kanshiki("verify", folder / "new.img", "--trust-key", folder / "key.pub", "--require-signature").expect(0)
    assert not (folder / "new.img.manifest.json.sig.tsr").exists()
    good = tsa()
    kanshiki("seal", folder / "new.img", "--timestamp", good.url).expect(0)
    assert Path(f"{folder}/new.img.manifest.json.sig.tsr").exists()


def test_a_certificate_that_expired_since_was_good_then(kanshiki, folder, tsa):
    authority = tsa()
    stamp(kanshiki, folder, authority.url).expect(0)
    later = kanshiki("verify", folder / "disk.img", "--trust-cert", authority.ca, "--no-record", "--json", wrapper=["faketime", "2030-01-01"]).expect(0).json
    assert any("trusted authority" in line for line in later["checked"])
    # openssl alone needs to be told the time
    signature, now = folder / "disk.img.manifest.json.sig", subprocess.run(["date", "+%s"], capture_output=True, check=True, text=True).stdout.strip()
    command = ["faketime", "2030-01-01", "openssl", "ts", "-verify", "-in", f"{signature}.tsr", "-data", signature, "-CAfile", authority.ca]
    assert subprocess.run(command, capture_output=True).returncode != 0
    assert subprocess.run([*command, "-attime", now], capture_output=True).returncode == 0


@pytest.mark.parametrize("how, words", [("made", "expired"), ("revoked", "revoked"), ("another", "self-signed certificate in")])
def test_an_authority_that_is_not_to_be_trusted_is_said(kanshiki, folder, tsa, how, words):
    authority = tsa(made="2020-01-01" if how == "made" else None, revoked=how == "revoked")
    stamp(kanshiki, folder, authority.url).expect(0)
    trusted = tsa().ca if how == "another" else authority.ca
    result = verify(kanshiki, folder, "--trust-cert", trusted)
    assert any(words in one["why"] for one in result["not_checked"])
    assert not any("trusted authority" in line for line in result["checked"])


def test_a_token_of_another_signature_is_damage(kanshiki, folder, tsa):
    authority = tsa()
    stamp(kanshiki, folder, authority.url).expect(0)
    kanshiki("seal", folder / "disk.img", "--sign", folder / "key.pem", "--force").expect(0)
    assert not (folder / "disk.img.manifest.json.sig.tsr").exists(), "the old stamp is of the old signature"
    private, _ = make_key(folder, name="other")
    stamp(kanshiki, folder, authority.url).expect(0)
    token = (folder / "disk.img.manifest.json.sig.tsr").read_bytes()
    kanshiki("seal", folder / "disk.img", "--sign", private, "--force").expect(0)
    (folder / "disk.img.manifest.json.sig.tsr").write_bytes(token)
    result = verify(kanshiki, folder, code=10)
    assert [damage["what"] for damage in result["damage"]] == ["the time-stamp is of another digest"]


def test_every_flipped_byte_of_a_token_is_noticed_or_harmless(kanshiki, folder, tsa):
    """The outer wrapping and certificates that nothing is checked against may differ; the time and the imprint may not."""
    authority = tsa()
    stamp(kanshiki, folder, authority.url).expect(0)
    path = folder / "disk.img.manifest.json.sig.tsr"
    whole = path.read_bytes()
    time = whole.index(b"\x18\x0f20") + 2
    for at in [0, 5, time, time + 14, len(whole) - 1, len(whole) - 100, len(whole) // 2]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        result = kanshiki("verify", folder / "disk.img", "--trust-cert", authority.ca, "--no-record", "--json")
        assert result.code in (0, 10)
        if at != len(whole) // 2:
            said = result.json
            assert said["damage"] or any("time" in one["what"] for one in said["not_checked"]), at
