"""Files, directories, links and absences."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import secrets
import stat

from stackhaven.engine.agent.finding import HOLDS, AgentError, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHOWN_BYTES = 256 * 1024
"""Of a present file that differs at most this much travels back for the diff."""

state_dir = "/var/lib/stackhaven"


def set_state_dir(path: str) -> None:
    """Where previous versions are kept."""
    global state_dir  # noqa: PLW0603 - one per process, set once by the first request
    state_dir = path


def check_file(want: dict[str, Any]) -> Finding:
    """Regular, with exactly this content, mode and owner."""
    path, data = want["path"], want["content"].encode()
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Finding(False, "is not there", verb="create")
    if not stat.S_ISREG(found.st_mode):
        return Finding(False, f"is a {_type_name(found)}, not a file", verb="replace")
    if found.st_size == len(data) and _read(path, len(data) + 1) == data:
        return _check_rights(want, found)
    before = None if want["sensitive"] else _read(path, SHOWN_BYTES).decode("utf-8", "replace")
    return Finding(False, "content differs", verb="update", before=before)


def apply_file(want: dict[str, Any], found: Finding) -> str:
    """Temporary file beside it, fsync, rename; the previous version is kept."""
    path = want["path"]
    if found.verb == "correct rights":
        _set_rights(want)
        return found.why
    if os.path.isdir(path) and not os.path.islink(path):
        raise AgentError(f"{path} is a directory; refusing to replace it with a file")
    uid, gid = _ids(want)
    folder = os.path.dirname(path) or "/"
    _make_parents(folder)
    _keep_previous(path)
    write_atomically(path, want["content"].encode(), want["mode"], uid, gid)
    return {"create": "created", "replace": f"replaced ({found.why})"}.get(found.verb, "content updated")


def check_directory(want: dict[str, Any]) -> Finding:
    """A directory with this mode and owner."""
    try:
        found = os.lstat(want["path"])
    except (FileNotFoundError, NotADirectoryError):
        return Finding(False, "is not there", verb="create")
    if not stat.S_ISDIR(found.st_mode):
        return Finding(False, f"is a {_type_name(found)}, not a directory", verb="replace")
    return _check_rights(want, found)


def apply_directory(want: dict[str, Any], found: Finding) -> str:
    """Made with its parents; something else of that name is refused."""
    if found.verb == "replace":
        raise AgentError(f"{want['path']} {found.why}; refusing to replace it")
    if found.verb == "create":
        _ids(want)
        _make_parents(os.path.dirname(want["path"].rstrip("/")))
        # Another step may want the same directory at the same moment.
        with contextlib.suppress(FileExistsError):
            os.mkdir(want["path"], 0o700)
    _set_rights(want)
    return "created" if found.verb == "create" else found.why


def check_symlink(want: dict[str, Any]) -> Finding:
    """A link to exactly this target."""
    try:
        target = os.readlink(want["path"])
    except FileNotFoundError:
        return Finding(False, "is not there", verb="create")
    except OSError:
        return Finding(False, "is not a link", verb="replace")
    return HOLDS if target == want["target"] else Finding(False, f"points to {target}", verb="update")


def apply_symlink(want: dict[str, Any], found: Finding) -> str:
    """Replaced in one step; a directory in its place is refused."""
    path = want["path"]
    if os.path.isdir(path) and not os.path.islink(path):
        raise AgentError(f"{path} is a directory; refusing to replace it with a link")
    _make_parents(os.path.dirname(path))
    if found.verb == "replace":
        _keep_previous(path)
    temporary = _temporary_name(path)
    os.symlink(want["target"], temporary)
    os.rename(temporary, path)
    return f"{found.verb}d, points to {want['target']}"


def check_absent(want: dict[str, Any]) -> Finding:
    """Nothing there, not even a broken link."""
    return Finding(False, "is there", verb="remove") if os.path.lexists(want["path"]) else HOLDS


def apply_absent(want: dict[str, Any], found: Finding) -> str:
    """Removes a file, a link or an empty directory."""
    path = want["path"]
    if os.path.isdir(path) and not os.path.islink(path):
        try:
            os.rmdir(path)
        except OSError as error:
            raise AgentError(f"{path} is a directory and cannot be removed: {error.strerror}") from error
    else:
        _keep_previous(path)
        os.unlink(path)
    return "removed"


def _check_rights(want: dict[str, Any], found: os.stat_result) -> Finding:
    mode = stat.S_IMODE(found.st_mode)
    try:
        uid, gid = _ids(want)
    except AgentError as error:
        return Finding(False, str(error), verb="correct rights")
    differs = []
    if mode != want["mode"]:
        differs.append(f"mode {mode:04o} -> {want['mode']:04o}")
    if (found.st_uid, found.st_gid) != (uid, gid):
        differs.append(f"owner {_owner_name(found)} -> {want['owner']}:{want['group']}")
    return Finding(False, ", ".join(differs), verb="correct rights") if differs else HOLDS


def _set_rights(want: dict[str, Any]) -> None:
    uid, gid = _ids(want)
    os.chown(want["path"], uid, gid, follow_symlinks=False)
    os.chmod(want["path"], want["mode"])


def _ids(want: dict[str, Any]) -> tuple[int, int]:
    try:
        return pwd.getpwnam(want["owner"]).pw_uid, grp.getgrnam(want["group"]).gr_gid
    except KeyError:
        raise AgentError(f"there is no user {want['owner']!r} or no group {want['group']!r} yet") from None


def _owner_name(found: os.stat_result) -> str:
    try:
        user = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        user = str(found.st_uid)
    try:
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        group = str(found.st_gid)
    return f"{user}:{group}"


def _read(path: str, limit: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(limit)


def _type_name(found: os.stat_result) -> str:
    names = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFREG: "file"}
    return names.get(stat.S_IFMT(found.st_mode), "special file")


def _make_parents(folder: str) -> None:
    if folder and not os.path.isdir(folder):
        _make_parents(os.path.dirname(folder))
        try:
            os.mkdir(folder, 0o755)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise
        else:
            os.chmod(folder, 0o755)


def _temporary_name(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.haven-{secrets.token_hex(4)}")


def write_atomically(path: str, data: bytes, mode: int, uid: int, gid: int) -> None:
    """Temporary file beside it with the final rights, fsync, rename, fsync of the directory."""
    _sweep(path)
    temporary = _temporary_name(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(os.path.dirname(path) or "/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sweep(path: str) -> None:
    """Remove temporary files of the same target that a power loss left behind."""
    folder, name = os.path.split(path)
    prefix = f".{name}.haven-"
    for entry in os.listdir(folder or "/"):
        if entry.startswith(prefix):
            os.unlink(os.path.join(folder, entry))


def _keep_previous(path: str) -> None:
    if not os.path.isfile(path) or os.path.islink(path):
        return
    copy = os.path.join(state_dir, "previous", path.lstrip("/"))
    os.makedirs(state_dir, mode=0o755, exist_ok=True)
    os.makedirs(os.path.join(state_dir, "previous"), mode=0o700, exist_ok=True)
    os.makedirs(os.path.dirname(copy), mode=0o700, exist_ok=True)
    with open(path, "rb") as source:
        data = source.read()
    write_atomically(copy, data, 0o600, os.geteuid(), os.getegid())
