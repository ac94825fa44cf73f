"""Options of an object store: from the names that Delta Lake takes to those of obstore."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

# Names of obstore's ``ClientConfig``, which are not of one store; root_certificate is obstore's alone.
_CLIENT = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "default_content_type",
    "http1_only",
    "http2_keep_alive_interval",
    "http2_keep_alive_timeout",
    "http2_keep_alive_while_idle",
    "http2_only",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "randomize_addresses",
    "read_timeout",
    "root_certificate",
    "timeout",
    "user_agent",
}
# Options of Delta Lake's commits, or of Polars' reads, that are nothing to a client of objects. An option of
# credentials is never among them: leaving one out would silently use others.
_OF_OTHERS = re.compile(
    r"aws_s3_(allow_unsafe_rename|locking_provider|get_internal_server_error_retries)"
    r"|(aws_s3|aws_sts)_pool_idle_timeout_seconds|aws_force_credential_load|aws_ec2_metadata_disabled"
    r"|aws_.*_dynamodb|(delta_)?dynamo.*|mount_.*|max_concurrency|object_store_.*"
    r"|file_cache_ttl|retry_(timeout_ms|init_backoff_ms|max_backoff_ms|base_multiplier)"
)
_SPAN = re.compile(r"(\d+)\s*(ms|s|m|h)[a-z]*\s*")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}


@dataclass(frozen=True)
class ClientOptions:
    """Arguments of ``obstore.store.from_url``."""

    config: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)
    retry: dict[str, Any] = field(default_factory=dict)


def obstore_options(options: Mapping[str, str]) -> ClientOptions:
    """Sort options by who takes them; those of Delta Lake's commits and of Polars' reads are left out.

    Args:
        options: by Delta Lake's names, in any case, with or without the prefix of a provider.

    Raises:
        ValueError: a number or a length of time has another form than Delta Lake takes.
    """
    found = ClientOptions()
    for given, value in options.items():
        name = given.lower()
        bare = re.sub("^(aws|azure|google)_", "", name)
        if bare in _CLIENT:
            found.client[bare] = value
        elif bare == "max_retries":
            found.retry[bare] = int(value)
        elif bare == "retry_timeout":
            found.retry[bare] = _span(given, value)
        elif bare.startswith("backoff_config."):
            part = bare.partition(".")[2]
            found.retry.setdefault("backoff", {})[part] = (
                float(value) if part == "base" else _span(given, value)
            )
        elif not _OF_OTHERS.fullmatch(name):
            found.config[name] = value
    return found


def _span(name: str, text: str) -> timedelta:
    if not re.fullmatch(f"({_SPAN.pattern})+", text):
        raise ValueError(f"{name} is no length of time such as 30s or 2m: {text!r}")
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in _SPAN.findall(text)})
