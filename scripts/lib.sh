# What the scripts share; sourced with the repository's root as the working directory.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# PostgreSQL refuses to run as root, so a root caller runs servers as another user: the packaged
# `postgres` where there is one, else `nobody`. Anyone else runs them as themselves.
server_user() {
    if [ "$(id -u)" != 0 ]; then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

# as_server_user COMMAND...: run it as server_user, in a directory that user can be in.
as_server_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups "$@")
    else
        (cd / && "$@")
    fi
}
