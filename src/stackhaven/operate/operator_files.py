"""What the operator signs in with: ``clouds.yaml`` for openstacksdk and its command, ``openrc`` for a shell."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping

from ruamel.yaml import YAML

from stackhaven.model.secrets import write_owner_only
from stackhaven.operate.session import Session
from stackhaven.services.common.ports import KEYSTONE

ADMIN = "admin"
DOMAIN = "Default"


def write_operator_files(session: Session) -> None:
    """Write both into the cloud's state directory, 0600, each in one step.

    Raises:
        HavenError: the directory cannot be written.

    """
    auth_url = f"http://{session.layout.vip_public}:{KEYSTONE}/v3"
    password = session.site.secrets["keystone.admin"]
    region = session.cloud.region
    write_owner_only(
        session.state.clouds_yaml,
        clouds_yaml(session.cloud.name, auth_url=auth_url, password=password, region=region),
    )
    write_owner_only(session.state.openrc, openrc(auth_url=auth_url, password=password, region=region))


def clouds_yaml(name: str, *, auth_url: str, password: str, region: str) -> str:
    """The file's text, with one cloud of that name."""
    stream = io.StringIO()
    entry = {
        "auth": {
            "auth_url": auth_url,
            "username": ADMIN,
            "password": password,
            "project_name": ADMIN,
            "user_domain_name": DOMAIN,
            "project_domain_name": DOMAIN,
        },
        "region_name": region,
        "interface": "public",
        "identity_api_version": 3,
    }
    YAML().dump({"clouds": {name: entry}}, stream)
    return stream.getvalue()


def openrc(*, auth_url: str, password: str, region: str) -> str:
    """Shell lines to be sourced; older settings of the same shell that would interfere are unset first."""
    variables: Mapping[str, str] = {
        "OS_AUTH_URL": auth_url,
        "OS_USERNAME": ADMIN,
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": ADMIN,
        "OS_USER_DOMAIN_NAME": DOMAIN,
        "OS_PROJECT_DOMAIN_NAME": DOMAIN,
        "OS_REGION_NAME": region,
        "OS_INTERFACE": "public",
        "OS_IDENTITY_API_VERSION": "3",
    }
    lines = ["unset OS_CLOUD OS_TOKEN OS_AUTH_TYPE OS_PROJECT_ID OS_SYSTEM_SCOPE"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(lines) + "\n"
