"""The TUF repository: signed metadata that says which releases exist. On disk, served as static files.

Who signs what: `roles`. Where it lies: `metadata_files`. The server can sign contents, and nothing else that terminals
run: `add` is for `releases/*` alone. Software is signed by keys that are elsewhere:

    signers = open_signers(Path("/media/usb/keys-offline"), passphrase)      # releases.offline_keys
    published = repository(settings, keys).add_software("software/1.2.0.json", manifest, signers, now)

`add_software` publishes at once when these signatures suffice; with a threshold above that, it stays staged, for
`balise release keys export`, `sign` elsewhere, `import`. A terminal reads it by `agent.trust.trusted_target`.

Every change writes the roles that changed, then snapshot, then timestamp: a client that reads in between sees the state
before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from fleet_server.keys import Keys
from fleet_server.releases.metadata_files import Any_, Current, MetadataFiles
from fleet_server.releases.online_keys import OnlineKeys
from fleet_server.releases.roles import LIFETIME, ONLINE, delegations, signers_of
from fleet_server.releases.signatures import sign, tallies
from fleet_server.settings import Settings


class NotDelegated(Exception):
    """A repository from before the offline keys: `balise release keys init` takes it over."""


class NotReady(Exception):
    """Staged roles still lack signatures."""


class Taken(Exception):
    """A version that is published is not another one: give it a number of its own."""


class Repository:
    """`files`: of the server's `releases/`. Changes exclude each other, across processes too."""

    def __init__(self, files: MetadataFiles, online: OnlineKeys) -> None:
        self.files = files
        self.online = online

    def create(self, now: datetime, keys: Mapping[str, list[Key]], signers: Iterable[Signer], thresholds:
               Mapping[str, int] | None = None) -> None:  # fmt: skip
        """An empty repository; nothing happens if there is one. `keys`: those of root, targets and software.

        Raises `NotReady` when `signers` do not suffice.
        """
        with self.files.alone():
            if self.files.exist():
                return
            root, targets, software = self._first_roles(now, keys, thresholds or {})
            staged: dict[str, Any_] = {"root": root, "targets": targets, "software": software}
            sign(staged, signers, root, targets)
            if any(one.missing for one in tallies(staged, root, targets)):
                raise NotReady
            content: Any_ = Metadata(Targets(1, expires=_until("content", now)))
            self.files.write("root", root)
            self._publish(root.signed, targets.signed, staged | {"content": content}, None, now)

    def root(self) -> bytes:
        """The newest: what an enrolment hands out; its SHA-256 is in the token. Raises `FileNotFoundError`."""
        return self.files.newest_root().read_bytes()

    def add(self, path: str, content: bytes, now: datetime) -> None:
        """A target more, `releases/<id>.json`. The same again changes nothing. Raises `NotDelegated`."""
        with self.files.alone():
            current = self.files.current()
            if current.content is None:
                raise NotDelegated
            if path in current.content.signed.targets:
                return
            target = TargetFile.from_data(path, content, ["sha256"])
            self.files.write_target(target, content)
            current.content.signed.targets[path] = target
            self._next(current, {"content": current.content}, now)

    def add_software(self, path: str, content: bytes, signers: Iterable[Signer], now: datetime,
                     told: Mapping[str, str] | None = None) -> bool:  # fmt: skip
        """A target more, `software/<version>.json`. True: published; False: staged, signatures are still lacking.

        `told`: what people are to read of it, signed with it. The same again changes nothing.
        Raises `NotDelegated`, `Taken`.
        """
        with self.files.alone():
            current = self.files.current()
            if current.software is None:
                raise NotDelegated
            target = TargetFile.from_data(path, content, ["sha256"])
            if known := current.software.signed.targets.get(path):
                if (known.length, known.hashes) != (target.length, target.hashes):
                    raise Taken(path)
                return True
            if told:
                target.unrecognized_fields["custom"] = dict(told)
            staged = self.files.read_staged()
            software = staged.get("software", current.software)
            self.files.write_target(target, content)
            software.signed.targets[path] = target
            software.signed.version = current.software.signed.version + 1
            software.signed.expires = _until("software", now)
            software.signatures.clear()
            staged["software"] = software
            sign(staged, signers, current.root, current.targets)
            self.files.write_staged(staged)
            return self._publish_staged(current, now)

    def publish_staged(self, now: datetime) -> bool:
        """What enough keys have signed; True when something was. May be run again after whatever stopped it."""
        with self.files.alone():
            return self._publish_staged(self.files.current(), now)

    def publish(self, current: Current, complete: Mapping[str, Any_], now: datetime) -> None:
        """New versions of offline roles, and of what the server signs because of them. Within `files.alone()`."""
        root, targets = complete.get("root", current.root), complete.get("targets", current.targets)
        fresh = {role: metadata for role, metadata in complete.items() if role != "root"}
        if current.content and _content_keys(current.root, current.targets) != _content_keys(root, targets):
            fresh["content"] = current.content
            current.content.signed.version += 1
            current.content.signed.expires = _until("content", now)
        if "root" in complete:
            self.files.write("root", root)
        self._publish(root.signed, targets.signed, fresh, current, now)

    def names(self, path: str) -> bool:
        current = self.files.current()
        return any(path in role.signed.targets for role in (current.content, current.software) if role)

    def sign_again_when_due(self, now: datetime) -> bool:
        """Renew what has lived half its life, or whose key is no longer the one. Run by a job; what is offline waits.

        Finishes a publication that something stopped, too.
        """
        with self.files.alone():
            current = self.files.current()
            if self._publish_staged(current, now):
                return True
            due = [role for role in ONLINE if role in current.all() and self._is_due(current, role, now)]
            if not due:
                return False
            if due == ["timestamp"]:
                self._write_timestamp(current.root.signed, current.timestamp.signed.snapshot_meta.version,
                                      current.timestamp.signed.version + 1, now)  # fmt: skip
                return True
            again = {"content": current.content} if current.content and "content" in due else {}
            self._next(current, again, now)
            return True

    def expiries(self) -> dict[str, datetime]:
        """When each role's metadata expires, for monitoring."""
        return {role: metadata.signed.expires for role, metadata in self.files.current().all().items()}

    # ---- within ------------------------------------------------------------------------------------------------------

    def _first_roles(
        self, now: datetime, keys: Mapping[str, list[Key]], thresholds: Mapping[str, int]
    ) -> tuple[Metadata[Root], Metadata[Targets], Metadata[Targets]]:
        online = self.online.newest()
        root = Root(expires=_until("root", now))
        for role in ("root", "targets"):
            for key in keys[role]:
                root.add_key(key, role)
            root.roles[role].threshold = thresholds.get(role, 1)
        root.add_key(online, "snapshot")
        root.add_key(online, "timestamp")
        targets = Targets(1, expires=_until("targets", now))
        targets.delegations = delegations({"software": keys["software"], "content": [online]})
        assert targets.delegations.roles
        targets.delegations.roles["software"].threshold = thresholds.get("software", 1)
        return Metadata(root), Metadata(targets), Metadata(Targets(1, expires=_until("software", now)))

    def _publish_staged(self, current: Current, now: datetime) -> bool:
        staged = self.files.read_staged()
        if "root" in staged and staged["root"].signed.version <= current.root.signed.version:
            del staged["root"]  # something stopped this after the new root was there
        if any(one.missing for one in tallies(staged, current.root, current.targets)):
            return False
        if not staged:
            self.files.write_staged({})
            return False
        self.publish(current, staged, now)
        self.files.write_staged({})
        return True

    def _next(self, current: Current, again: Mapping[str, Any_], now: datetime) -> None:
        """The next version of what the server signs itself."""
        for role, metadata in again.items():
            metadata.signed.version += 1
            metadata.signed.expires = _until(role, now)
        self._publish(current.root.signed, current.targets.signed, again, current, now)

    def _publish(self, root: Root, targets: Targets, fresh: Mapping[str, Any_], before: Current | None, now: datetime
                 ) -> None:  # fmt: skip
        """`fresh` roles, then the snapshot that names them, then the timestamp that names it."""
        for role, metadata in fresh.items():
            if role == "content":
                self._sign(metadata, root, targets, role)
            if role != "root":
                self.files.write(role, metadata)
        meta = dict(before.snapshot.signed.meta) if before else {}
        meta |= {f"{role}.json": MetaFile(metadata.signed.version) for role, metadata in fresh.items()
                 if role != "root"}  # fmt: skip
        version = before.timestamp.signed.snapshot_meta.version + 1 if before else 1
        snapshot: Any_ = Metadata(Snapshot(version, expires=_until("snapshot", now), meta=meta))
        self._sign(snapshot, root, targets, "snapshot")
        self.files.write("snapshot", snapshot)
        self._write_timestamp(root, version, before.timestamp.signed.version + 1 if before else 1, now)

    def _write_timestamp(self, root: Root, snapshot: int, version: int, now: datetime) -> None:
        timestamp: Any_ = Metadata(
            Timestamp(version, expires=_until("timestamp", now), snapshot_meta=MetaFile(snapshot))
        )
        self._sign(timestamp, root, None, "timestamp")
        self.files.write("timestamp", timestamp)

    def _sign(self, metadata: Any_, root: Root, targets: Targets | None, role: str) -> None:
        keyids = [key.keyid for key in signers_of(root, targets or Targets(), role)]
        signer = self.online.signer(keyids)
        if signer is None:
            raise FileNotFoundError(f"no key here may sign {role}: {', '.join(keyids)}")
        metadata.sign(signer)

    def _is_due(self, current: Current, role: str, now: datetime) -> bool:
        metadata = current.all()[role]
        keyids = {key.keyid for key in signers_of(current.root.signed, current.targets.signed, role)}
        return metadata.signed.expires - now < LIFETIME[role] / 2 or not keyids & set(metadata.signatures)


def _content_keys(root: Any_, targets: Any_) -> set[str]:
    return {key.keyid for key in signers_of(root.signed, targets.signed, "content")}


def _until(role: str, now: datetime) -> datetime:
    return now.replace(microsecond=0) + LIFETIME[role]


def repository(settings: Settings, keys: Keys) -> Repository:
    """The one of this server."""
    files = MetadataFiles(settings.data_dir / "releases")
    return Repository(files, OnlineKeys(keys.releases, settings.keys_dir))
