#!/usr/bin/python3
"""Users, roles, services and endpoints of the catalogue, as the JSON on standard input says.

    identity check|apply

Input: {auth_url, region, password, users: [{name, password, roles}], endpoints: [{type, name, public, internal}]}.
Endpoints of a wanted service that point elsewhere are changed: the catalogue holds the VIPs and nothing else.
One process and one token for everything: a client program per call would take minutes.
"""

import concurrent.futures
import json
import sys
import urllib.error
import urllib.request

DEADLINE_S = 30


class Keystone:
    """The identity API, as much of it as is needed here."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.token = None

    def sign_in(self, user, password, project):
        body = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": user, "domain": {"id": "default"}, "password": password}},
                },
                "scope": {"project": {"name": project, "domain": {"id": "default"}}},
            }
        }
        request = urllib.request.Request(f"{self.url}/auth/tokens", json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return answer.headers["X-Subject-Token"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)
        request.add_header("X-Auth-Token", self.token)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else {}


def differences(keystone, wanted):
    """What is missing or different, as (sentence, function that mends it)."""
    projects = {p["name"]: p["id"] for p in keystone.call("GET", "/projects?domain_id=default")["projects"]}
    if "service" not in projects:
        yield (
            "project service",
            lambda: keystone.call(
                "POST", "/projects", {"project": {"name": "service", "domain_id": "default"}}
            ),
        )
    roles = {r["name"]: r["id"] for r in keystone.call("GET", "/roles")["roles"]}
    for name in sorted({r for u in wanted["users"] for r in u["roles"]} | {"member"}):
        if name not in roles:
            yield f"role {name}", lambda name=name: keystone.call("POST", "/roles", {"role": {"name": name}})
    if "service" in projects:
        yield from user_differences(keystone, wanted, projects["service"], roles)
    yield from endpoint_differences(keystone, wanted)


def user_differences(keystone, wanted, project, roles):
    users = {u["name"]: u["id"] for u in keystone.call("GET", "/users?domain_id=default")["users"]}
    there = {
        (a["user"]["id"], a["role"]["id"])
        for a in keystone.call("GET", f"/role_assignments?scope.project.id={project}")["role_assignments"]
        if "user" in a
    }
    known = [u for u in wanted["users"] if u["name"] in users]
    for user in wanted["users"]:
        if user["name"] not in users:
            body = {"user": {"name": user["name"], "domain_id": "default", "password": user["password"]}}
            yield f"user {user['name']}", lambda body=body: keystone.call("POST", "/users", body)
            continue
        for role in user["roles"]:
            if role in roles and (users[user["name"]], roles[role]) not in there:
                path = f"/projects/{project}/users/{users[user['name']]}/roles/{roles[role]}"
                yield f"role {role} of {user['name']}", lambda path=path: keystone.call("PUT", path)
    for user, accepted in zip(known, passwords_accepted(keystone, known), strict=True):
        if not accepted and all((users[user["name"]], roles.get(r)) in there for r in user["roles"]):
            path, body = f"/users/{users[user['name']]}", {"user": {"password": user["password"]}}
            yield (
                f"password of {user['name']}",
                lambda path=path, body=body: keystone.call("PATCH", path, body),
            )


def passwords_accepted(keystone, users):
    """Signing in is mostly hashing on the server: all at once."""

    def accepted(user):
        try:
            keystone.sign_in(user["name"], user["password"], "service")
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return False
            raise
        return True

    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(accepted, users))


def endpoint_differences(keystone, wanted):
    services = {s["type"]: s["id"] for s in keystone.call("GET", "/services")["services"]}
    endpoints = keystone.call("GET", "/endpoints")["endpoints"]
    for entry in wanted["endpoints"]:
        kind = entry["type"]
        if kind not in services:
            body = {"service": {"type": kind, "name": entry["name"]}}
            yield f"service {kind}", lambda body=body: keystone.call("POST", "/services", body)
            continue
        for interface in ("public", "internal"):
            there = [
                e
                for e in endpoints
                if e["service_id"] == services[kind]
                and e["interface"] == interface
                and e["region_id"] == wanted["region"]
            ]
            url = entry[interface]
            body = {
                "endpoint": {
                    "service_id": services[kind],
                    "interface": interface,
                    "region_id": wanted["region"],
                    "url": url,
                }
            }
            if not there:
                yield (
                    f"{interface} endpoint of {kind}",
                    lambda body=body: keystone.call("POST", "/endpoints", body),
                )
            for surplus in there[1:]:
                path = f"/endpoints/{surplus['id']}"
                yield (
                    f"second {interface} endpoint of {kind}",
                    lambda path=path: keystone.call("DELETE", path),
                )
            if there and there[0]["url"] != url:
                path = f"/endpoints/{there[0]['id']}"
                change = {"endpoint": {"url": url}}
                yield (
                    f"{interface} endpoint of {kind} (was {there[0]['url']})",
                    lambda path=path, change=change: keystone.call("PATCH", path, change),
                )


def main():
    wanted = json.load(sys.stdin)
    keystone = Keystone(wanted["auth_url"])
    try:
        keystone.token = keystone.sign_in("admin", wanted["password"], "admin")
        # Users need the project and the roles, endpoints their service: a round mends one level, all of it at once.
        for _ in range(5):
            found = list(differences(keystone, wanted))
            if not found:
                return 0
            if sys.argv[1] == "check":
                print("missing or different: " + "; ".join(sentence for sentence, _ in found))
                return 1
            with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
                list(pool.map(lambda one: one[1](), found))
    except urllib.error.HTTPError as error:
        print(f"identity answered {error.code} to {error.url}: {error.read()[:300]!r}")
    except OSError as error:
        print(f"identity does not answer: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
